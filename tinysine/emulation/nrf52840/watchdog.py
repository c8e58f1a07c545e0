"""WDT: resets the chip when nobody feeds it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.registers import Register

_LFCLK_HZ = 32_768
_RELOAD = 0x6E524635


class Watchdog:
    """The watchdog. Once started it runs until the chip is reset.

    Args:
        registers: of the block "WDT".
        bite: called from another thread when time is up.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        time: EmulatedTime,
        *,
        stop: Callable[[Violation], None],
        bite: Callable[[], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._time = time
        self._bite = bite
        self._timer: threading.Timer | None = None
        self._waiting: set[int] = set()
        self.bank.on_write("WDT.TASKS_START", self._start)
        self.bank.on_read("WDT.REQSTATUS", lambda: sum(1 << index for index in self._waiting))
        for index in range(8):
            self.bank.on_write(f"WDT.RR[{index}]", self._feeder(index))
        for name in ("CRV", "RREN", "CONFIG"):
            self.bank.on_write(f"WDT.{name}", self._refuse_while_running)

    def reset(self) -> None:
        """Not running."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._waiting = set()
        self.bank.reset()

    def _enabled(self) -> set[int]:
        return {index for index in range(8) if self.bank.get("WDT.RREN") >> index & 1}

    def _start(self, value: int) -> None:
        if value and self._timer is None:
            self.bank.set("WDT.RUNSTATUS", 1)
            self._wind_up()

    def _wind_up(self) -> None:
        self._waiting = self._enabled()
        if self._timer is not None:
            self._timer.cancel()
        # The computer's own time, in either clock mode: it is there to catch what hangs.
        self._timer = threading.Timer((self.bank.get("WDT.CRV") + 1) / _LFCLK_HZ, self._bite)
        self._timer.daemon = True
        self._timer.start()

    def _feeder(self, index: int) -> Callable[[int], None]:
        def feed(value: int) -> None:
            if value != _RELOAD or self._timer is None:
                return  # the chip ignores it too
            self._waiting.discard(index)
            if not self._waiting:
                self._wind_up()

        return feed

    def _refuse_while_running(self, _value: int) -> None:
        if self._timer is not None:
            raise Violation("the watchdog was configured while it runs: the chip ignores that")
