"""Small pictures beside a number: a share of the whole, and a figure from run to run."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tinysine.reports.charts.drawing import Drawing
from tinysine.reports.charts.scale import Scale, widened


def bar(parts: Sequence[tuple[float, str]], label: str, *, limit: float | None = None) -> Markup:
    """Draw a bar.

    Args:
        parts: length of each part as a share of the width, and its class.
        label: what it shows.
        limit: share of the width at which a limit is marked.
    """
    drawing = Drawing(14, label, kind="bar")
    drawing.box(0, 2, 1, 10, "room")
    at = 0.0
    for share, kind in parts:
        drawing.box(at, 2, max(share, 0.002), 10, kind)
        at += share
    if limit is not None:
        drawing.vertical(limit, "limit")
    return drawing.markup()


def trend_line(
    values: Sequence[float], label: str, *, changes: Sequence[int] = (), limit: float | None = None
) -> Markup:
    """Draw a figure from run to run, the last one marked.

    Args:
        values: the oldest first.
        label: what it shows.
        changes: indices of runs of another model than the one before.
        limit: that it has to keep to.
    """
    drawing = Drawing(52, label, kind="spark")
    low, high = widened(min(values), max(values), by=0.1)
    if limit is not None and low < limit < 2 * high - low:
        high = max(high, limit)
    across = Scale(0, max(len(values) - 1, 1), 0.02, 0.98)
    up = Scale(low, high, 46, 6)
    for index in changes:
        drawing.vertical(across(index - 0.5), "change")
    if limit is not None and low <= limit <= high:
        drawing.horizontal(up(limit), "limit")
    points = [(across(index), up(value)) for index, value in enumerate(values)]
    drawing.path([points], "trend")
    drawing.dots(points, "runs")
    drawing.circle(*points[-1], "last", radius=3.5)
    return drawing.markup()
