"""What the LED did: duty against time."""

from __future__ import annotations

# An hour of a demo that changes fifty times a second; a blinking loop gone wild must not eat the memory.
_LONGEST = 200_000


class LedTrace:
    """Changes of the LED's duty, oldest first.

    Attributes:
        dropped: changes forgotten at the old end because there were too many.
    """

    def __init__(self) -> None:
        self._changes: list[tuple[float, float]] = []
        self.dropped = 0

    def record(self, seconds: float, duty: float) -> None:
        """The LED shows `duty` (0..1) from `seconds` on; a change planned for later than that is off."""
        while self._changes and self._changes[-1][0] > seconds:
            self._changes.pop()
        if self._changes and self._changes[-1][1] == duty:
            return
        self._changes.append((seconds, duty))
        if len(self._changes) > _LONGEST:
            half = _LONGEST // 2
            self.dropped += half
            self._changes = self._changes[half:]

    def duty(self, seconds: float) -> float:
        """What the LED shows at `seconds`: 0 before the first change."""
        for at, duty in reversed(self._changes):
            if at <= seconds:
                return duty
        return 0.0

    def changes(self, *, until: float) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1) up to `until`."""
        return [change for change in self._changes if change[0] <= until]

    def clear(self) -> None:
        """Power-on: nothing was seen yet."""
        self._changes = []
        self.dropped = 0
