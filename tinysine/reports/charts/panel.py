"""A panel: two scales, marks at their round values, and room for what is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from tinysine.reports.charts.drawing import Drawing, Point
from tinysine.reports.charts.scale import Scale, marks, short

Mark = tuple[float, str]
_INSET = 0.012  # share of the width that is left free at each side
_TOP, _BOTTOM = 8.0, 24.0  # pixels above the highest value, and below the lowest


class Panel:
    """A drawing with scales.

    Args:
        label: what it shows.
        x, y: lowest and highest value.
        height: pixels, marks of x included.
        x_marks, y_marks: values with their words; by default round ones.
    """

    def __init__(
        self,
        label: str,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        height: float,
        x_marks: Sequence[Mark] | None = None,
        y_marks: Sequence[Mark] | None = None,
    ) -> None:
        self.drawing = Drawing(height, label)
        self.x = Scale(*x, _INSET, 1 - _INSET)
        self.y = Scale(*y, height - _BOTTOM, _TOP)
        base = height - _BOTTOM
        for value, text in _round(*y) if y_marks is None else y_marks:
            at = self.y(value)
            self.drawing.horizontal(at, "zero" if value == 0 else "grid")
            self.drawing.text(0, at + 4, text, "mark", anchor="end", dx=-8)
        for value, text in _round(*x) if x_marks is None else x_marks:
            self.drawing.vertical(self.x(value), "tick", top=base, bottom=base + 5)
            anchor = "start" if self.x(value) < 0.04 else "end" if self.x(value) > 0.96 else "middle"
            self.drawing.text(self.x(value), base + 19, text, "mark", anchor=anchor)

    def points(self, values: Iterable[Point]) -> list[Point]:
        """Return the places of points."""
        return [(self.x(x), self.y(y)) for x, y in values if math.isfinite(y)]

    def line(self, values: Iterable[Point], kind: str) -> None:
        """Draw a line through points."""
        self.drawing.path([self.points(values)], kind)

    def dots(self, values: Iterable[Point], kind: str) -> None:
        """Draw a dot at each point."""
        self.drawing.dots(self.points(values), kind)

    def stems(self, values: Iterable[Point], kind: str) -> None:
        """Draw a line from zero to each point."""
        zero = self.y(0)
        self.drawing.path([[(x, zero), (x, y)] for x, y in self.points(values)], kind)

    def circles(self, values: Iterable[Point], kind: str, told: Callable[[int], str]) -> None:
        """Draw a circle around each point, with words that a pointer shows.

        Args:
            values: of the points.
            kind: class of the circles.
            told: the words, by number of the point.
        """
        for number, (x, y) in enumerate(self.points(values)):
            self.drawing.circle(x, y, kind, told=told(number))


def _round(low: float, high: float) -> list[Mark]:
    return [(value, short(value)) for value in marks(low, high)]


def radians(low: float, high: float) -> list[Mark] | None:
    """Return marks at quarters of a turn; None where a range has too few or too many of them."""
    quarter = math.pi / 2
    first, last = math.ceil(low / quarter - 0.02), math.floor(high / quarter + 0.02)
    if not 3 <= last - first <= 8:
        return None
    return [(min(max(number * quarter, low), high), _turns(number)) for number in range(first, last + 1)]


def _turns(quarters: int) -> str:
    if not quarters:
        return "0"
    whole, odd = divmod(abs(quarters), 2)
    sign = "\N{MINUS SIGN}" if quarters < 0 else ""
    if odd:
        return f"{sign}{abs(quarters) if abs(quarters) > 1 else ''}π/2"
    return f"{sign}{whole if whole > 1 else ''}π"
