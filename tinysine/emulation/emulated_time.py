"""The emulated board's own time."""

from __future__ import annotations

import time
from typing import Literal

ClockMode = Literal["real", "free"]

# What one look at the time costs a free-running board, so that a wait for a time to come always ends.
_LOOK_S = 1e-6
# What one poll of an empty receiver is worth to a free-running board: a second passes in a thousand of them.
IDLE_QUANTUM_S = 1e-3


class EmulatedTime:
    """Seconds since power-on.

    Args:
        mode: "real" follows this computer's monotonic clock; "free" knows only what it is told, so that a demo of
            twenty seconds passes at once.
    """

    def __init__(self, mode: ClockMode) -> None:
        self.mode = mode
        self._origin = time.monotonic()
        self._free = 0.0

    def restart(self) -> None:
        """Power-on: zero seconds."""
        self._origin = time.monotonic()
        self._free = 0.0

    def now(self) -> float:
        """Seconds since power-on, for the firmware's eyes."""
        if self.mode == "real":
            return time.monotonic() - self._origin
        self._free += _LOOK_S
        return self._free

    def peek(self) -> float:
        """Seconds since power-on, without the free-running clock moving."""
        return time.monotonic() - self._origin if self.mode == "real" else self._free

    def advance(self, seconds: float) -> None:
        """Let a free-running clock move on."""
        self._free += seconds
