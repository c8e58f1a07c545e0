"""A bare Cortex-M without hooks, which runs engines from memory to memory."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinysine.emulation.elf import read_program
from tinysine.firmware_facts import ARENA_AT, ARENA_BYTES_END
from tinysine.tensor_values import Tensor, Values, arrays_of, inferences_of, values_of

_FLASH, _FLASH_BYTES = 0x00010000, 0x01000000
_RAM, _RAM_BYTES = 0x20000000, 0x00400000
_JOB = _RAM + 0x00200000
_VALUES = _JOB + 0x1000
_STACK_TOP = _RAM + _RAM_BYTES - 16
_STACK_BYTES = 0x10000
_RETURN = 0x00008000
_UNTOUCHED = 0xA5
_CHANGED_ITS_INPUT = 1000  # runner.c


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
        if self._places["__ts_bss_end"] > _JOB:
            raise ValueError("the variables of these engines do not fit the memory of the bench: take fewer")

    def arena_bytes(self, engine: str) -> int:
        """Read what an engine says of its arena, in `struct ts_engine`."""
        return self._arena(engine)[1]

    def _arena(self, engine: str) -> tuple[int, int]:
        """Address and bytes."""
        said = bytes(
            self._uc.mem_read(self._places[f"{engine}_engine"] + ARENA_AT, ARENA_BYTES_END - ARENA_AT)
        )
        return int.from_bytes(said[:4], "little"), int.from_bytes(said[4:], "little")

    def run(self, engine: str, inputs: Values, *, outputs: Sequence[Tensor]) -> Values | str:
        """Ask one engine.

        Args:
            engine: the prefix of its names.
            inputs: as an oracle takes them.
            outputs: of the model.
        Returns:
            The answers as an oracle gives them, or one line about the reason for which there are none.
        """
        count = inferences_of(inputs)
        asked = [np.ascontiguousarray(array).tobytes() for array in arrays_of(inputs)]
        sizes = [len(data) for data in asked] + [count * end.count * end.dtype.itemsize for end in outputs]
        functions = [
            self._symbols[f"{engine}_ts_engine_{name}"] | 1 for name in ("invoke", "input", "output")
        ]
        places = [_VALUES + sum(sizes[:number]) for number in range(len(sizes))]
        if _VALUES + sum(sizes) > _STACK_TOP - _STACK_BYTES:
            raise ValueError(f"{sum(sizes):,} bytes of inputs and outputs do not fit the memory of the bench")
        job = struct.pack("<6I", *functions, count, len(asked), len(outputs))
        ends = b"".join(struct.pack("<2I", at, size // count) for at, size in zip(places, sizes, strict=True))
        self._uc.mem_write(_JOB, job + ends)
        for at, data in zip(places, asked, strict=False):
            self._uc.mem_write(at, data)
        variables = self._places["__ts_bss_end"] - _RAM
        self._uc.mem_write(_RAM, bytes([_UNTOUCHED]) * variables)  # it need not find zeros
        failure = self._call("ts_conformance_run", _JOB)
        if failure:
            return failure
        own = [(functions[1], index) for index in range(len(asked))]
        own += [(functions[2], index) for index in range(len(outputs))]
        buffers = [
            (self._value(function, index), size // count)
            for (function, index), size in zip(own, sizes, strict=True)
        ]
        memory = np.frombuffer(self._uc.mem_read(_RAM, variables), np.uint8).copy()
        for address, size in (*buffers, self._arena(engine)):
            memory[address - _RAM : address - _RAM + size if size else 0] = _UNTOUCHED
        if (memory != _UNTOUCHED).any():
            return "it wrote beyond its output"
        return values_of(
            [
                np.frombuffer(self._uc.mem_read(at, size), end.dtype).reshape(count, end.count)
                for at, size, end in zip(places[len(asked) :], sizes[len(asked) :], outputs, strict=True)
            ]
        )

    def _value(self, function: int, argument: int) -> int:
        """Result of a function that has been called before."""
        self._start(function, argument)
        return int(self._uc.reg_read(self._register("R0")))

    def _call(self, function: str, argument: int) -> str:
        """Call a function; returns what went wrong, or nothing."""
        try:
            self._start(self._symbols[function] | 1, argument)
        except self._error as error:
            return f"the core stopped at 0x{self._uc.reg_read(self._register('PC')):08X}: {error}"
        if self._uc.reg_read(self._register("PC")) & ~1 != _RETURN:
            return f"it did not come back within {self._longest_s} s"
        status = self._uc.reg_read(self._register("R0"))
        if status == _CHANGED_ITS_INPUT:
            return "it changed its input"
        return f"it returned status {status}" if status else ""

    def _start(self, address: int, argument: int) -> None:
        for register, value in (("R0", argument), ("SP", _STACK_TOP), ("LR", _RETURN | 1)):
            self._uc.reg_write(self._register(register), value)
        self._uc.emu_start(address, _RETURN, timeout=self._longest_s * 1_000_000)

    def _register(self, name: str) -> int:
        return int(getattr(self._const, f"UC_ARM_REG_{name}"))
