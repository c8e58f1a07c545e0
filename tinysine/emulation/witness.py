"""Observations of an engine at work by the emulator itself, independent of the firmware's own figures.

All the time, and at next to no cost: how often the engine was entered, and how deep the stack was written. While
somebody watches: of each inference the exact number of instructions, the stack it took, and what it read and wrote;
and the first write that went where the engine may not write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinysine.emulation.counting import InstructionCounter
from tinysine.emulation.hooks import NOWHERE, Hooks, Stack, Writes
from tinysine.firmware_facts import ENGINE_INPUT, ENGINE_INVOKE, ENGINE_OUTPUT

STACK_BOTTOM, STACK_TOP = "__ts_stack_bottom", "__ts_stack_top"
_MOST_CALLS = 10_000
_MOST_STEPS = 1000  # of a function that only says where a buffer is


@dataclass(frozen=True)
class Inference:
    """One call of the engine as the emulator saw it.

    Attributes:
        instructions: from its first to its last, those of its callees included.
        stack_bytes: from the stack pointer at its entry down to the lowest word it wrote there.
        input: what the engine's inputs held at its entry, back to back.
        output: what its outputs held at its return, back to back.
        estimated_cycles: see `cycles`; None for a core whose cycles are not estimated.
    """

    instructions: int
    stack_bytes: int
    input: bytes
    output: bytes
    estimated_cycles: float | None = None


def encode_inference(inference: Inference) -> dict[str, object]:
    """An inference as the fields of a JSON object."""
    return {
        "instructions": inference.instructions,
        "stack_bytes": inference.stack_bytes,
        "input": inference.input.hex(),
        "output": inference.output.hex(),
        "estimated_cycles": inference.estimated_cycles,
    }


def decode_inference(fields: Mapping[str, Any]) -> Inference:
    """The inference that `encode_inference` was given."""
    return Inference(
        instructions=int(fields["instructions"]),
        stack_bytes=int(fields["stack_bytes"]),
        input=bytes.fromhex(fields["input"]),
        output=bytes.fromhex(fields["output"]),
        estimated_cycles=fields["estimated_cycles"],
    )


@dataclass
class _Call:
    began: int
    began_tenths: int
    sp: int
    input: bytes


class Witness(InstructionCounter):
    """Watches one core. Everything but the hooks is called while the core stands still.

    Args:
        uc: the Unicorn engine.
        hooks: of the core.
        read: a core register by its name.
        watched, read_code, is_fixed, estimates_cycles: see InstructionCounter.
    Attributes:
        inferences: how often the engine was entered since the image was flashed.
        stray: where an engine that was watched first wrote outside what it may write, and the instruction's address;
            None while it has not, since the image was flashed.
    """

    def __init__(
        self,
        uc: Any,
        hooks: Hooks,
        *,
        read: Callable[[str], int],
        watched: tuple[int, int],
        read_code: Callable[[int, int], bytes],
        is_fixed: Callable[[int], bool],
        estimates_cycles: bool = False,
    ) -> None:
        super().__init__(
            hooks,
            watched=watched,
            read_pc=lambda: read("PC"),
            read_code=read_code,
            is_fixed=is_fixed,
            estimates_cycles=estimates_cycles,
        )
        self._uc = uc
        self._read = read
        self._engine = 0
        self._bottom = self._top = 0
        self._used: Stack = hooks.stack(0)  # since reset
        self._used_in_call: Stack = hooks.stack(0)
        self._armed_below = 0
        self._entry_hook: Any = None
        self._stack_hook: Any = None
        self._call: _Call | None = None
        self._ends = (0, 0)
        self._inputs: list[tuple[int, int]] = []
        self._outputs: list[tuple[int, int]] = []
        self._calls: list[Inference] = []
        self._writes: Writes | None = None
        self.inferences = 0
        self.stray: tuple[int, int] | None = None

    def aim(self, symbols: Mapping[str, int]) -> None:
        """Look at another image: one without an engine or a stack of its own shows nothing."""
        from unicorn import UC_HOOK_CODE  # noqa: PLC0415 - optional

        self.forget_code()
        for hook in (self._entry_hook, self._stack_hook):
            if hook is not None:
                self._core_hooks.remove(hook)
        self._entry_hook = self._stack_hook = None
        self._engine = symbols.get(ENGINE_INVOKE, 0)
        self._ends = symbols.get(ENGINE_INPUT, 0), symbols.get(ENGINE_OUTPUT, 0)
        self._bottom, self._top = symbols.get(STACK_BOTTOM, 0), symbols.get(STACK_TOP, 0)
        self.inferences = 0
        self.restart()
        self.stray = None
        if self._engine:
            self._entry_hook = self._uc.hook_add(UC_HOOK_CODE, self._enter, None, self._engine, self._engine)
        self._core_hooks.flush()

    def restart(self) -> None:
        """The core was reset: its stack is unused again, and what was under way is gone."""
        self._end_call()
        self._used.lowest = self._top
        self.narrow()

    @property
    def wide(self) -> bool:
        """Tell whether the hook still covers stack that was used meanwhile; see `narrow`."""
        return bool(self._used.lowest != self._armed_below)

    def narrow(self) -> None:
        """Look only at stack that was not used yet: what was is no news, and every look costs time."""
        if self._stack_hook is not None and not self.wide:
            return
        if self._stack_hook is not None:
            self._core_hooks.remove(self._stack_hook)
            self._stack_hook = None
        self._armed_below = self._used.lowest
        if self._armed_below > self._bottom:
            self._stack_hook = self._core_hooks.on_stack(self._used, self._bottom, self._armed_below - 1)

    @property
    def stack_bytes(self) -> int | None:
        """The deepest that the stack was written since reset, in whole words; None where it is not known."""
        return (self._top - self._used.lowest + 3) & ~3 if self._top > self._bottom else None

    def watch(
        self,
        input_bytes: Sequence[int],
        output_bytes: Sequence[int],
        writable: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Note every inference from now on.

        Args:
            input_bytes, output_bytes: of each input and output of one inference.
            writable: address and bytes of what the engine may write, beside its outputs and its stack; None: anything.
        """
        self._calls = []
        self._end_call()
        self._writes = None
        if not self.running and self._engine:
            self._inputs = self._buffers(self._ends[0], input_bytes)
            self._outputs = self._buffers(self._ends[1], output_bytes)
            self.start()
            self._count.begin = self._engine
            self._hooks.append(self._core_hooks.on_stack(self._used_in_call, self._bottom, self._top - 1))
            if writable is not None and self._top > self._bottom:
                self._writes = self._core_hooks.writes([*self._outputs, *writable])
                self._hooks.append(self._core_hooks.on_writes(self._writes))

    def seen(self) -> list[Inference]:
        """The inferences since this was last asked, or since `watch`."""
        calls, self._calls = self._calls, []
        return calls

    def pushed(self, address: int) -> None:
        """The core itself has pushed a word, as it does on an exception."""
        if self._bottom <= address < self._used.lowest:
            self._used.lowest = address

    def _enter(self, *_: object) -> None:
        self.inferences += 1

    def _arrive(self, address: int) -> None:
        call = self._call
        if call is not None and address == self._count.end:
            self._leave(call)
        if address == self._engine and self._call is None:
            sp = self._read("SP")
            self._used_in_call.lowest = sp
            self._call = _Call(
                began=int(self._count.executed),
                began_tenths=int(self._count.tenths),
                sp=sp,
                input=self._bytes(self._inputs),
            )
            self._count.end = self._read("LR") & ~1
            if self._writes is not None:
                self._writes.enter((self._bottom, sp))

    def _leave(self, call: _Call) -> None:
        # The branch here has not been counted yet; the one to the engine was.
        tenths = int(self._count.tenths) - call.began_tenths
        stack_bytes = (call.sp - int(self._used_in_call.lowest) + 3) & ~3
        self._end_call()
        if len(self._calls) < _MOST_CALLS:
            self._calls.append(
                Inference(
                    instructions=int(self._count.executed) - call.began,
                    stack_bytes=stack_bytes,
                    input=call.input,
                    output=self._bytes(self._outputs),
                    estimated_cycles=tenths / 10 if self._estimates_cycles else None,
                )
            )

    def _end_call(self) -> None:
        self._call = None
        if self._writes is not None:
            self._writes.leave()
            self.stray = self.stray or self._writes.stray
        self._count.end = NOWHERE
        self._used_in_call.lowest = 0

    def _buffers(self, function: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Address and size of each buffer, as a function of the engine says on a copy of the core that stands still."""
        from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError, arm_const  # noqa: PLC0415 - optional

        sp = self._read("SP")
        copy = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        copy.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
        for begin, end, _ in self._uc.mem_regions():
            if begin <= function <= end or begin <= sp - 1 <= end:
                copy.mem_map(begin, end - begin + 1)
                copy.mem_write(begin, bytes(self._uc.mem_read(begin, end - begin + 1)))
        found = []
        for index, size in enumerate(sizes):
            back = self._engine & ~1
            for register, value in (("SP", sp), ("R0", index), ("LR", back | 1)):
                copy.reg_write(getattr(arm_const, f"UC_ARM_REG_{register}"), value)
            try:
                copy.emu_start(function | 1, back, count=_MOST_STEPS)
                found.append((int(copy.reg_read(arm_const.UC_ARM_REG_R0)), size))
            except UcError:
                found.append((0, 0))
        return found

    def _bytes(self, buffers: Sequence[tuple[int, int]]) -> bytes:
        from unicorn import UcError  # noqa: PLC0415 - optional

        try:
            return b"".join(bytes(self._uc.mem_read(address, size)) for address, size in buffers)
        except UcError:
            return b""  # it points nowhere, and the firmware will find out
