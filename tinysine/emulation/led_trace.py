"""Trace of an LED: duty against time."""

from __future__ import annotations

# An hour of a demo that changes fifty times a second; a blinking loop gone wild must not eat the memory.
_LONGEST = 200_000


class LedTrace:
    """Changes of the LED's duty, oldest first. Where there are too many, the oldest are forgotten."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, float]] = []

    def record(self, seconds: float, duty: float) -> None:
        """The LED shows `duty` (0..1) from `seconds` on; a change planned for later than that is off."""
        while self._changes and self._changes[-1][0] > seconds:
            self._changes.pop()
        if self._changes and self._changes[-1][1] == duty:
            return
        self._changes.append((seconds, duty))
        if len(self._changes) > _LONGEST:
            del self._changes[: _LONGEST // 2]

    def changes(self, *, until: float) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1) up to `until`."""
        return [change for change in self._changes if change[0] <= until]

    def clear(self) -> None:
        """Power-on: nothing was seen yet."""
        self._changes = []
