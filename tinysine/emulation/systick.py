"""SysTick: the core's timer."""

from __future__ import annotations

from tinysine.emulation.bank import Bank, Unmodelled
from tinysine.emulation.emulated_time import EmulatedTime


class SysTick:
    """The core's timer, on the board's own time."""

    def __init__(self, scs: Bank, time: EmulatedTime) -> None:
        self._scs = scs
        self._time = time
        self._clock_hz = 0
        self.reset()
        scs.on_write("SysTick.CSR", self._write_csr)
        scs.on_read("SysTick.CSR", self._read_csr)
        scs.on_write("SysTick.RVR", lambda value: setattr(self, "_reload", value))
        scs.on_read("SysTick.CVR", self._read_cvr)
        scs.on_write("SysTick.CVR", self._write_cvr)

    def reset(self) -> None:
        """As after a reset of the core."""
        self._enabled = False
        self._reload = 0
        self._origin_ns = 0
        self._counted = 0  # clocks before the origin
        self._stopped_at = 0
        self._seen_wraps = 0

    def set_clock(self, clock_hz: int) -> None:
        """Count faster or slower from now on."""
        if self._enabled:
            self._counted = self._elapsed()
            self._origin_ns = self._time.peek_ns()
        self._clock_hz = clock_hz

    def _elapsed(self) -> int:
        # Whole numbers: even steps of time are even numbers of clocks.
        return self._counted + (self._time.now_ns() - self._origin_ns) * self._clock_hz // 1_000_000_000

    def _write_csr(self, value: int) -> None:
        if value & 2:
            raise Unmodelled("SysTick's interrupt was enabled; the emulated board delivers none")
        if value & 1 and not value & 4:
            raise Unmodelled("SysTick was given its external reference clock")
        enabled = bool(value & 1)
        if enabled and not self._enabled:
            self._restart()
        elif self._enabled and not enabled:
            self._stopped_at = self._read_cvr()
        self._enabled = enabled

    def _restart(self) -> None:
        self._origin_ns = self._time.now_ns()
        self._counted = 0
        self._seen_wraps = 0

    def _write_cvr(self, _value: int) -> None:
        # Any write clears the counter and COUNTFLAG; it reloads at the next clock.
        self._stopped_at = 0
        self._restart()

    def _read_cvr(self) -> int:
        if not self._enabled:
            return self._stopped_at
        return self._reload - self._elapsed() % (self._reload + 1)

    def _read_csr(self) -> int:
        value = self._scs.get("SysTick.CSR") & 7
        if self._enabled:
            wraps = self._elapsed() // (self._reload + 1)
            if wraps > self._seen_wraps:
                self._seen_wraps = wraps
                value |= 1 << 16
        return value
