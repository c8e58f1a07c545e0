"""CTIMER: timer A2 as a pulse-width modulator, and the matrix that takes it to a pad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register

_OUTPUT_A2 = 24  # the output that A2 reaches by selection 3
_ZERO, _ONE, _A2 = 0, 1, 3
_ENABLE, _CLEAR, _INVERTED = 1 << 0, 1 << 11, 1 << 12
_INTERRUPTS = 3 << 9
_LINKED = 1 << 31
_PULSES = 3
_GLOBAL_A2 = 1 << 4
_CLOCKS = range(1, 16)  # 0 is an external pin


class Ctimer:
    """The counter/timers.

    Args:
        registers: of the block "CTIMER".
        changed: called when what an output does may have changed.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        *,
        stop: Callable[[Violation], None],
        changed: Callable[[], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        for name in ("CTRL2", "CMPRA2", "OUTCFG2", "GLOBEN"):
            self.bank.on_write(f"CTIMER.{name}", self._writer(name, changed))
        for index in (0, 1, 3, 4, 5, 6, 7):
            self.bank.on_write(f"CTIMER.CTRL{index}", self._refuser(f"CTRL{index}", _ENABLE | _ENABLE << 16))
        self.bank.on_write("CTIMER.STCFG", self._refuser("STCFG", 0xF))
        for name in ("INTEN", "STMINTEN"):
            self.bank.on_write(f"CTIMER.{name}", self._refuser(name, 0xFFFFFFFF))

    def reset(self) -> None:
        """Nothing counts."""
        self.bank.reset()

    def duty(self, output: int) -> float:
        """Of the pulses on a timer output: 0..1.

        Raises:
            Unmodelled: another output, or another source for it.
        """
        if output != _OUTPUT_A2:
            raise Unmodelled(f"timer output CT{output} was taken to a pad; the emulator knows CT{_OUTPUT_A2}")
        source = self.bank.get("CTIMER.OUTCFG2") >> 12 & 7
        if source in (_ZERO, _ONE):
            return float(source)
        if source != _A2:
            raise Unmodelled(
                f"CT{output} was given the source {source} in OUTCFG2; the emulator knows 0, 1 and 3 (A2)"
            )
        return self._duty_of_a2()

    def _duty_of_a2(self) -> float:
        control = self.bank.get("CTIMER.CTRL2")
        if not control & _ENABLE or control & _CLEAR or not self.bank.get("CTIMER.GLOBEN") & _GLOBAL_A2:
            return 0.0
        compare = self.bank.get("CTIMER.CMPRA2")
        low, period = compare & 0xFFFF, compare >> 16
        if not 0 < low < period:
            raise Violation(
                f"timer A2 makes pulses with CMPRA2 0x{compare:08X}: the low phase ({low}) must be within the period "
                f"({period}); use OUTCFG2 for constant levels"
            )
        return 1.0 - low / period

    def _writer(self, name: str, changed: Callable[[], None]) -> Any:
        def write(value: int) -> None:
            if name == "CTRL2":
                self._check_mode(value)
            changed()

        return write

    def _check_mode(self, control: int) -> None:
        if not control & _ENABLE and not control & _ENABLE << 16:
            return
        wrong = control & (_INTERRUPTS | _INVERTED | _LINKED | _ENABLE << 16)
        if wrong or control >> 6 & 7 != _PULSES or control >> 1 & 0x1F not in _CLOCKS:
            raise Unmodelled(
                f"CTIMER.CTRL2 was written 0x{control:08X}; the emulator knows A2 alone, with repeated pulses "
                "(FN 3) from an internal clock"
            )

    def _refuser(self, name: str, bits: int) -> Any:
        def refuse(value: int) -> None:
            if value & bits:
                raise Unmodelled(f"CTIMER.{name} was written 0x{value:08X}")

        return refuse
