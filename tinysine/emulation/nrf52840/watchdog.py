"""WDT: resets the chip when nobody feeds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.registers import Register

_LFCLK_HZ = 32_768
_RELOAD = 0x6E524635
_PATIENCE = 50  # times the span, for a core that takes none of this computer's time


class Watchdog:
    """The watchdog. Once started it runs until the chip is reset.

    It goes by the computer's own time in either clock mode: it is there to catch what hangs. Time in which a busy
    computer did not let this process run does not count, so that firmware which feeds it is not reset.

    Args:
        registers: of the block "WDT".
        on_expired: called from another thread when time is up.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        *,
        stop: Callable[[Violation], None],
        on_expired: Callable[[], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._on_expired = on_expired
        self._reset = threading.Event()
        self._deadline = self._cpu_deadline = self._last_deadline = 0.0
        self._running = False
        self._waiting: set[int] = set()
        self.bank.on_write("WDT.TASKS_START", self._start)
        self.bank.on_read("WDT.REQSTATUS", lambda: sum(1 << index for index in self._waiting))
        for index in range(8):
            self.bank.on_write(f"WDT.RR[{index}]", self._feeder(index))
        for name in ("CRV", "RREN", "CONFIG"):
            self.bank.on_write(f"WDT.{name}", self._refuse_while_running)

    def reset(self) -> None:
        """Not running."""
        self._reset.set()
        self._running = False
        self._waiting = set()
        self.bank.reset()

    def _start(self, value: int) -> None:
        if value and not self._running:
            self.bank.set("WDT.RUNSTATUS", 1)
            self._running = True
            self._wind_up()
            self._reset = threading.Event()
            threading.Thread(target=self._watch, args=(self._reset,), daemon=True).start()

    def _wind_up(self) -> None:
        self._waiting = {index for index in range(8) if self.bank.get("WDT.RREN") >> index & 1}
        span_s = (self.bank.get("WDT.CRV") + 1) / _LFCLK_HZ
        self._deadline = time.monotonic() + span_s
        self._cpu_deadline = time.process_time() + span_s
        self._last_deadline = self._deadline + _PATIENCE * span_s

    def _watch(self, reset: threading.Event) -> None:
        while not reset.wait(max(0.001, self._deadline - time.monotonic())):
            if self._is_late():
                self._on_expired()
                return

    def _is_late(self) -> bool:
        """Tell whether nobody fed it in time, and it was not this computer that let nobody run meanwhile."""
        now = time.monotonic()
        ran = time.process_time() >= self._cpu_deadline  # a core that sleeps does not
        return now >= self._deadline and (ran or now >= self._last_deadline)

    def _feeder(self, index: int) -> Callable[[int], None]:
        def feed(value: int) -> None:
            if value != _RELOAD or not self._running:
                return  # the chip ignores it too
            self._waiting.discard(index)
            if not self._waiting:
                self._wind_up()

        return feed

    def _refuse_while_running(self, _value: int) -> None:
        if self._running:
            raise Violation("the watchdog was configured while it runs: the chip ignores that")
