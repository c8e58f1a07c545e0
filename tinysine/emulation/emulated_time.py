"""The emulated board's own time."""

from __future__ import annotations

import time
from typing import Literal

ClockMode = Literal["real", "free"]

# What one look at the time costs a free-running board, so that a wait for a time to come always ends.
_LOOK_NS = 1_000
# What one poll of an empty receiver is worth to a free-running board: a second passes in a thousand of them.
IDLE_QUANTUM_S = 1e-3
# Longer than that a firmware that asks for the time does not look away: the computer was busy with something else, and
# the board, whose own core never is, stood still.
_LONGEST_LEAP_NS = 40_000_000
# How far a board that is looked at closely may stay behind the computer before it gives up catching up.
_MOST_BEHIND_NS = 250_000_000
_BEHIND_AFTER_REST_NS = 8_000_000


class EmulatedTime:
    """Seconds since power-on.

    A core that is emulated a hundred times slower than the chip's, by a computer that also does other things, would
    miss the edges of pulses that its firmware makes itself. While somebody watches such pulses, time moves in even
    steps, one for each look of the firmware, and never faster than the computer's: the firmware then misses nothing.

    Args:
        mode: "real" follows this computer's monotonic clock; "free" knows only what it is told, so that a demo of
            twenty seconds passes at once.
    """

    def __init__(self, mode: ClockMode) -> None:
        self.mode = mode
        self.restart()

    def restart(self) -> None:
        """Power-on: zero seconds."""
        self._origin_ns = time.monotonic_ns()
        self._ns = 0  # as the firmware saw it last
        self._step_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since power-on, for the firmware's eyes."""
        if self._step_ns:
            if self.mode == "free" or self.behind():
                self._ns += self._step_ns
        elif self.mode == "real":
            leap_ns = time.monotonic_ns() - self._origin_ns - self._ns
            self._origin_ns += max(0, leap_ns - _LONGEST_LEAP_NS)
            self._ns += min(leap_ns, _LONGEST_LEAP_NS)
        else:
            self._ns += _LOOK_NS
        return self._ns

    def now(self) -> float:
        """Seconds since power-on, for the firmware's eyes."""
        return self.now_ns() / 1e9

    def peek_ns(self) -> int:
        """Nanoseconds since power-on, for nobody's eyes: no clock moves."""
        if self.mode == "real" and not self._step_ns:
            return time.monotonic_ns() - self._origin_ns
        return self._ns

    def peek(self) -> float:
        """Seconds since power-on, for nobody's eyes."""
        return self.peek_ns() / 1e9

    def advance(self, seconds: float) -> None:
        """Let a free-running clock move on; one that moves in steps does so by itself."""
        if not self._step_ns:
            self._ns += round(seconds * 1e9)

    @property
    def moves_in_steps(self) -> bool:
        """True while each look of the firmware is a step."""
        return self._step_ns != 0

    def behind(self) -> bool:
        """True if time moves in steps and has to catch up with the computer's: no moment to sleep."""
        if not self._step_ns or self.mode == "free":
            return False
        return self._lag_ns(_MOST_BEHIND_NS) >= self._step_ns

    def pass_over(self) -> None:
        """The board has rested: time that moves in steps does not catch up with most of it."""
        if self._step_ns:
            self._lag_ns(_BEHIND_AFTER_REST_NS)

    def _lag_ns(self, most_ns: int) -> int:
        lag_ns = time.monotonic_ns() - self._origin_ns - self._ns
        self._origin_ns += max(0, lag_ns - most_ns)
        return min(lag_ns, most_ns)

    def step(self, step_s: float) -> None:
        """From now on, move in even steps."""
        self._step_ns = round(step_s * 1e9)

    def flow(self) -> None:
        """No more steps; time goes on from where it is."""
        self._step_ns = 0
        if self.mode == "real":
            self._origin_ns = time.monotonic_ns() - self._ns
