"""Exceptions of an ARMv7-M core: entry and return, as the architecture manual (DDI 0403, B1.5) has them."""

from __future__ import annotations

from tinysine.emulation.bank import Unmodelled, Violation
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import (
    BREAKPOINT,
    FETCH_ABORT,
    INVALID_STATE,
    SVC,
    UNALIGNED,
    Event,
    Stop,
)
from tinysine.emulation.system_control import SystemControl
from tinysine.thumb import IT_STATE

HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SV_CALL = 3, 4, 5, 6, 11
_FRAME = ("R0", "R1", "R2", "R3", "R12", "LR")
_CFSR_IACCVIOL = 1 << 0
_CFSR_UNDEFINSTR = 1 << 16
_CFSR_INVSTATE = 1 << 17
_CFSR_UNALIGNED = 1 << 24
_HFSR_FORCED = 1 << 30
_HFSR_DEBUGEVT = 1 << 31
_FPCA = 1 << 2
_SPSEL = 1 << 1


class Exceptions:
    """Delivers the exceptions that the core raises to the firmware's own handlers."""

    def __init__(self, core: Core, system: SystemControl) -> None:
        self._core = core
        self._system = system
        self.faults = 0  # delivered since power-on

    def deliver(self, stop: Stop) -> None:
        """Make the core go on in the handler.

        Raises:
            Violation: no handler can run: lock-up, a broken vector table or stack.
        """
        if stop.event is Event.NOT_EXECUTABLE:
            self._fault(MEM_MANAGE, _CFSR_IACCVIOL, stop.pc)
        elif stop.event is Event.UNDEFINED:
            self._fault(USAGE_FAULT, _CFSR_UNDEFINSTR, stop.pc)
        elif stop.event is Event.NOT_THUMB or stop.number == INVALID_STATE:
            self._fault(USAGE_FAULT, _CFSR_INVSTATE, stop.pc)
        elif stop.number == UNALIGNED:
            self._fault(USAGE_FAULT, _CFSR_UNALIGNED, stop.pc)
        elif stop.number == SVC:
            self._enter(SV_CALL, stop.pc)
        elif stop.number == BREAKPOINT:
            self.faults += 1
            self._system.raise_flags(hfsr=_HFSR_DEBUGEVT)
            self._enter(HARD_FAULT, stop.pc)
        elif stop.number == FETCH_ABORT:
            raise Violation(f"instruction fetch from 0x{stop.pc:08X}, where the chip has no memory")
        else:
            raise Unmodelled(
                f"the core raised an exception that the emulator does not know (number {stop.number})"
            )

    def _fault(self, number: int, cfsr: int, pc: int) -> None:
        self.faults += 1
        self._system.raise_flags(cfsr=cfsr)
        if not self._system.fault_enabled(number) or self._core.read("IPSR") != 0:
            self._system.raise_flags(hfsr=_HFSR_FORCED)
            number = HARD_FAULT
        self._enter(number, pc)

    def _enter(self, number: int, return_address: int) -> None:
        core = self._core
        active = core.read("IPSR")
        if active in (2, HARD_FAULT):
            raise Violation("a fault inside the HardFault handler: on the chip the core locks up")
        control = core.read("CONTROL")
        if control & _SPSEL:
            raise Unmodelled("an exception was raised on the process stack")
        vector = self._vector(number)
        xpsr = core.read("XPSR")
        sp = core.read("SP")
        extended = bool(control & _FPCA)
        frame_sp = (sp - (0x68 if extended else 0x20)) & ~7
        padded = 0x200 if sp & 4 else 0
        words = [core.read(register) for register in _FRAME]
        words += [return_address & ~1, xpsr & ~0x200 | padded]
        if extended:
            words += [core.read(f"S{index}") for index in range(16)] + [core.read("FPSCR"), 0]
        for index, word in enumerate(words):
            self._push(frame_sp + 4 * index, word)
        core.write("SP", frame_sp)
        exc_return = 0xFFFFFFF1 if active else 0xFFFFFFF9
        core.write("LR", exc_return & ~0x10 if extended else exc_return)
        core.write("CONTROL", control & ~_FPCA)
        core.write("XPSR", xpsr & ~(IT_STATE | 0x1FF) | number)
        core.write("PC", vector)

    def leave(self, pc: int) -> None:
        """Return from a handler: the core branched to EXC_RETURN, whose lowest bit `pc` has lost."""
        core = self._core
        exc_return = pc | 1
        if exc_return not in (0xFFFFFFF1, 0xFFFFFFF9, 0xFFFFFFE1, 0xFFFFFFE9):
            raise Unmodelled(f"return from an exception with EXC_RETURN 0x{exc_return:08X}")
        sp = core.read("SP")
        extended = not exc_return & 0x10
        for index, register in enumerate(_FRAME):
            core.write(register, self._pop(sp + 4 * index))
        return_address = self._pop(sp + 0x18)
        xpsr = self._pop(sp + 0x1C)
        if extended:
            for index in range(16):
                core.write(f"S{index}", self._pop(sp + 0x20 + 4 * index))
            core.write("FPSCR", self._pop(sp + 0x60))
        core.write("SP", sp + (0x68 if extended else 0x20) + (4 if xpsr & 0x200 else 0))
        control = core.read("CONTROL")
        core.write("CONTROL", control | _FPCA if extended else control & ~_FPCA)
        core.write("XPSR", xpsr & ~0x200)
        core.write("PC", return_address | 1)

    def _vector(self, number: int) -> int:
        table = self._system.vector_table()
        entry = table + 4 * number
        region = self._core.region_of(entry, 4)
        if region is None:
            raise Violation(
                f"exception {number}: its vector at 0x{entry:08X} is outside memory (VTOR 0x{table:08X})"
            )
        vector = self._core.read_word(entry)
        target = self._core.region_of(vector & ~1, 2)
        if not vector & 1 or target is None:
            raise Violation(
                f"exception {number}: its vector at 0x{entry:08X} holds 0x{vector:08X}, which is no Thumb code "
                f"(VTOR 0x{table:08X}: is it the application's table?)"
            )
        return vector

    def _push(self, address: int, word: int) -> None:
        region = self._core.region_of(address, 4)
        if region is None or not region.writable:
            raise Violation(
                f"an exception found no stack: its frame would lie at 0x{address:08X}, outside RAM"
            )
        self._core.write_word(address, word)
        self._core.witness.pushed(address)

    def _pop(self, address: int) -> int:
        if self._core.region_of(address, 4) is None:
            raise Violation(f"a return from an exception found no frame at 0x{address:08X}")
        return self._core.read_word(address)
