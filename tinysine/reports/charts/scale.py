"""From values to places: linear scales, and round numbers for their marks."""

from __future__ import annotations

import math
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Scale:
    """A linear scale.

    Attributes:
        low, high: values at its ends.
        start, end: places of these.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def widened(low: float, high: float, *, by: float = 0.06) -> tuple[float, float]:
    """Return a range with room at both ends; one of a single value gets some, too."""
    room = (high - low) * by or abs(high) * by or 1.0
    return low - room, high + room


def marks(low: float, high: float, *, about: int = 4) -> tuple[float, ...]:
    """Return round values within a range, about as many as asked for, zero exact."""
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(number * step for number in range(first, last + 1))


def short(value: float) -> str:
    """Return a number for a mark: no needless digits, a true minus."""
    if value == 0:
        return "0"
    text = f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", MINUS)
