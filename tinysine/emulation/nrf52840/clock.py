"""CLOCK, POWER and the access-port protection, which share a page."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register

_CRYSTAL_RUNNING = 1 << 16 | 1
_LF_RUNNING = 1 << 16
STAY_IN_LOADER = 0xB0
RESET_PIN, RESET_SOFTWARE, RESET_WATCHDOG = 1 << 0, 1 << 2, 1 << 1


class ClockAndPower:
    """Oscillators, reset reasons, the register that survives a reset.

    Args:
        registers: of the blocks "CLOCK", "POWER" and "APPROTECT".
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        *,
        stop: Callable[[Violation], None],
    ) -> None:
        self.bank = Bank(
            0x40000000, registers["CLOCK"] + registers["POWER"] + registers["APPROTECT"], stop=stop
        )
        self._reasons = 0
        bank = self.bank
        bank.on_write("CLOCK.TASKS_HFCLKSTART", self._start_crystal)
        bank.on_write("CLOCK.TASKS_HFCLKSTOP", self._stop_crystal)
        bank.on_write("CLOCK.TASKS_LFCLKSTART", self._start_low)
        bank.on_write("CLOCK.TASKS_LFCLKSTOP", self._stop_low)
        bank.on_write("POWER.TASKS_CONSTLAT", lambda _value: None)
        bank.on_write("POWER.TASKS_LOWPWR", lambda _value: None)
        bank.on_write("CLOCK.INTENSET", self._refuse_interrupt)
        bank.on_read("POWER.RESETREAS", lambda: self._reasons)
        bank.on_write("POWER.RESETREAS", self._clear_reasons)
        bank.on_write("POWER.SYSTEMOFF", self._system_off)

    def power_on(self) -> None:
        """Nothing is remembered."""
        self.bank.reset()
        self._reasons = 0

    def reset(self, reason: int) -> None:
        """As after a reset; GPREGRET and the reasons are kept."""
        kept = {name: self.bank.get(name) for name in ("POWER.GPREGRET", "POWER.GPREGRET2")}
        self.bank.reset()
        for name, value in kept.items():
            self.bank.set(name, value)
        self._reasons |= reason

    def leave_as_loader_does(self) -> None:
        """The low-frequency crystal runs, the high-frequency one does not; DC/DC is on."""
        self.bank.set("CLOCK.LFCLKSTAT", _LF_RUNNING | 1)
        self.bank.set("CLOCK.LFCLKSRC", 1)
        self.bank.set("POWER.DCDCEN", 1)
        self.bank.set("POWER.GPREGRET", 0)

    def take_retained(self) -> int:
        """GPREGRET, as the loader looks at it."""
        return self.bank.get("POWER.GPREGRET")

    def _start_crystal(self, value: int) -> None:
        if value:
            self.bank.set("CLOCK.EVENTS_HFCLKSTARTED", 1)
            self.bank.set("CLOCK.HFCLKRUN", 1)
            self.bank.set("CLOCK.HFCLKSTAT", _CRYSTAL_RUNNING)

    def _stop_crystal(self, value: int) -> None:
        if value:
            self.bank.set("CLOCK.HFCLKRUN", 0)
            self.bank.set("CLOCK.HFCLKSTAT", 0)

    def _start_low(self, value: int) -> None:
        if value:
            self.bank.set("CLOCK.EVENTS_LFCLKSTARTED", 1)
            self.bank.set("CLOCK.LFCLKRUN", 1)
            self.bank.set("CLOCK.LFCLKSTAT", _LF_RUNNING | self.bank.get("CLOCK.LFCLKSRC") & 3)

    def _stop_low(self, value: int) -> None:
        if value:
            self.bank.set("CLOCK.LFCLKRUN", 0)
            self.bank.set("CLOCK.LFCLKSTAT", 0)

    def _clear_reasons(self, value: int) -> None:
        self._reasons &= ~value

    def _refuse_interrupt(self, value: int) -> None:
        if value:
            raise Unmodelled("a clock or power interrupt was enabled; the emulated board delivers none")

    def _system_off(self, value: int) -> None:
        if value:
            raise Unmodelled("the firmware switched the chip off (SYSTEMOFF), and nothing here can wake it")
