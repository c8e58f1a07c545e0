"""A bare Cortex-M without hooks, which runs engines from memory to memory."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.emulation.elf import read_program

_FLASH, _FLASH_BYTES = 0x00010000, 0x01000000
_RAM, _RAM_BYTES = 0x20000000, 0x00400000
_JOB = _RAM + 0x00200000
_STACK_TOP = _RAM + _RAM_BYTES - 16
_RETURN = 0x00008000
_ARENA_BYTES_AT = 64  # name, SHA-256, two tensors of 12 bytes, pointer to the arena
_GUARD = b"\xa5" * 8


class Machine:
    """One image in the memory of one core.

    Args:
        elf: as `build` makes it.
        core: "cortex-m0", "cortex-m3", "cortex-m4" or "cortex-m7".
        longest_s: until an engine must have answered all its inputs.
    """

    def __init__(self, elf: Path, core: str, *, longest_s: int = 60) -> None:
        import unicorn  # noqa: PLC0415 - optional, and heavy
        from unicorn import arm_const  # noqa: PLC0415

        self._const = arm_const
        self._longest_s = longest_s
        self._error = unicorn.UcError
        self._uc: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{core.upper().replace('-', '_')}"))
        self._uc.mem_map(_FLASH, _FLASH_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._uc.mem_map(_RAM, _RAM_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._uc.mem_map(_RETURN, 0x1000, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        program = read_program(elf)
        for segment in program.segments:
            self._uc.mem_write(segment.address, segment.data)
        self._symbols = {name: address for address, name in program.symbols}
        self._places = program.places

    def arena_bytes(self, engine: str) -> int:
        """Read what an engine says of its arena, in `struct ts_engine`."""
        address = self._places[f"{engine}_engine"] + _ARENA_BYTES_AT
        return int.from_bytes(self._uc.mem_read(address, 4), "little")

    def run(
        self, engine: str, inputs: NDArray[Any], *, output_count: int, output_dtype: np.dtype[Any]
    ) -> NDArray[Any] | str:
        """Ask one engine.

        Args:
            engine: the prefix of its names.
            inputs: [n, inputs] in the model's dtype.
            output_count, output_dtype: of one answer.
        Returns:
            [n, output_count], or one line about the reason for which there is no answer.
        """
        data = np.ascontiguousarray(inputs).tobytes()
        output_bytes = output_count * output_dtype.itemsize
        # Codes need no alignment: an odd stride puts them at every address. Floats do.
        stride = output_bytes + len(_GUARD)
        source = _JOB + 32
        target = (source + len(data) + 15) // 8 * 8 + (1 if output_dtype.itemsize == 1 else 0)
        invoke = self._symbols[f"{engine}_ts_engine_invoke"] | 1
        count = len(inputs)
        job = struct.pack("<6I", invoke, source, target, len(data) // count, stride, count)
        self._uc.mem_write(_JOB, job)
        self._uc.mem_write(source, data)
        self._uc.mem_write(target - len(_GUARD), _GUARD * ((count * stride) // len(_GUARD) + 3))
        failure = self._call("ts_conformance_run", _JOB)
        if failure:
            return failure
        raw = np.frombuffer(self._uc.mem_read(target - len(_GUARD), count * stride + len(_GUARD)), np.uint8)
        rows = raw[len(_GUARD) :].reshape(count, stride)
        if (raw[: len(_GUARD)] != _GUARD[0]).any() or (rows[:, output_bytes:] != _GUARD[0]).any():
            return "it wrote beyond its output"
        if bytes(self._uc.mem_read(source, len(data))) != data:
            return "it changed its input"
        answers: NDArray[Any] = np.ascontiguousarray(rows[:, :output_bytes]).view(output_dtype)
        return answers.reshape(count, output_count)

    def _call(self, function: str, argument: int) -> str:
        """Call a function; returns what went wrong, or nothing."""
        for register, value in (("R0", argument), ("SP", _STACK_TOP), ("LR", _RETURN | 1)):
            self._uc.reg_write(self._register(register), value)
        try:
            self._uc.emu_start(self._symbols[function] | 1, _RETURN, timeout=self._longest_s * 1_000_000)
        except self._error as error:
            return f"the core stopped at 0x{self._uc.reg_read(self._register('PC')):08X}: {error}"
        if self._uc.reg_read(self._register("PC")) & ~1 != _RETURN:
            return f"it did not come back within {self._longest_s} s"
        status = self._uc.reg_read(self._register("R0"))
        return f"it returned status {status}" if status else ""

    def _register(self, name: str) -> int:
        return int(getattr(self._const, f"UC_ARM_REG_{name}"))
