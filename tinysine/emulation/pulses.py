"""A LED that the firmware itself switches on and off: which duty its pulses amount to."""

from __future__ import annotations

from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.led_trace import LedTrace

# How finely pulses are told apart: a period of 8 ms has 255 levels.
STEP_S = 32e-6
# What does not change for so long is steady, not a pulse: 20 Hz would flicker.
_STEADY_NS = 50_000_000
# A firmware that dims the LED may well show it full for a while in between; it is not to lose its steps for that.
_AT_REST_NS = 1_000_000_000


class Pulses:
    """From edges to duty, a period at a time: from one rising edge to the next.

    Args:
        trace: where the duty of each period goes.
        time: moves in even steps while there are pulses.
    """

    def __init__(self, trace: LedTrace, time: EmulatedTime) -> None:
        self._trace = trace
        self._time = time
        self.reset()

    def reset(self) -> None:
        """The LED is dark, and is not known to have been anything else."""
        self._lit = False
        self._steady = True
        self._at_rest = True
        self._rise_ns: int | None = None
        self._fall_ns = 0
        self._period_ns = 0
        self._time.flow()

    def switch(self, lit: bool) -> None:
        """The pin's level lights the LED from now on, or does not."""
        if lit == self._lit:
            return
        if self._at_rest:
            self._at_rest = False
            self._time.step(STEP_S)
        self._steady = False
        now_ns = self._time.peek_ns()
        self._lit = lit
        if not lit:
            self._fall_ns = now_ns
            return
        if self._rise_ns is not None and now_ns - self._rise_ns < _STEADY_NS:
            self._period_ns = now_ns - self._rise_ns
            self._record(self._rise_ns, self._fall_ns - self._rise_ns, self._period_ns)
        self._rise_ns = now_ns

    def settle(self) -> None:
        """Time has passed: what has not changed for long is steady."""
        if self._at_rest:
            return
        since_ns = self._time.peek_ns() - max(self._rise_ns or 0, self._fall_ns)
        if not self._steady and since_ns >= _STEADY_NS:
            self._steady = True
            self._record_last_edge()
        if since_ns >= _AT_REST_NS:
            self._at_rest = True
            self._time.flow()

    def _record_last_edge(self) -> None:
        if self._lit:
            self._record(self._rise_ns or 0, 1, 1)
        elif self._rise_ns is None:
            self._record(self._fall_ns, 0, 1)
        else:
            pulse_ns = self._fall_ns - self._rise_ns
            period_ns = max(self._period_ns, pulse_ns)
            self._record(self._rise_ns, pulse_ns, period_ns)
            self._record(self._rise_ns + period_ns, 0, 1)

    def _record(self, at_ns: int, lit_ns: int, period_ns: int) -> None:
        self._trace.record(at_ns / 1e9, lit_ns / period_ns)
