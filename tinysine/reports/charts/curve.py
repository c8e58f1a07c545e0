"""A curve in panels: the outputs, the device less the reference, and the error against the sine."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from tinysine.reports.answers import Curve, Reals
from tinysine.reports.charts.drawing import Point
from tinysine.reports.charts.panel import Mark, Panel, radians
from tinysine.reports.charts.scale import marks, short, widened
from tinysine.tasks.sine_curve import sine

MOST_CIRCLES = 200  # wrong answers that are marked one by one
_FINE = 240  # points of the sine


def outputs_panel(curve: Curve, *, is_sine: bool) -> Markup:
    """Draw the reference, the device's answers, and the sine that they should be."""
    low, high = _range(curve.device, curve.expected)
    panel = _panel("Outputs of device and reference", curve, (low, high), height=264, is_sine=is_sine)
    if is_sine:
        x = np.linspace(curve.x[0], curve.x[-1], _FINE)
        panel.line(_pairs(x, sine(x)), "truth")
    panel.line(_pairs(curve.x, curve.expected), "reference")
    wrong = curve.differences != 0
    panel.dots(_pairs(curve.x[~wrong], curve.device[~wrong]), "device")
    panel.dots(_pairs(curve.x[wrong], curve.device[wrong]), "wrong")
    _mark_wrong(panel, curve, curve.device)
    return panel.drawing.markup()


def difference_panel(curve: Curve, *, is_sine: bool) -> Markup:
    """Draw the device less the reference."""
    found = curve.differences
    most = max(float(np.max(np.abs(found), initial=0.0)), 1.0 if curve.step is not None else 0.0) or 1.0
    y = (-1.15 * most, 1.15 * most)
    panel = _panel("Device minus reference", curve, y, height=132, is_sine=is_sine, y_marks=_even(most))
    wrong = found != 0
    panel.stems(_pairs(curve.x[wrong], found[wrong]), "stem")
    panel.dots(_pairs(curve.x[~wrong], found[~wrong]), "device")
    panel.dots(_pairs(curve.x[wrong], found[wrong]), "wrong")
    _mark_wrong(panel, curve, found)
    return panel.drawing.markup()


def error_panel(curve: Curve) -> Markup:
    """Draw how far device and reference are from the sine; the device's largest error is marked."""
    truth = sine(curve.x)
    device, reference = curve.device - truth, curve.expected - truth
    y = _range(device, reference, np.zeros(1))
    panel = _panel("Error against sin(x)", curve, y, height=180, is_sine=True)
    panel.line(_pairs(curve.x, reference), "reference")
    panel.dots(_pairs(curve.x, device), "device")
    worst = int(np.argmax(np.abs(device)))
    x, error = float(curve.x[worst]), float(device[worst])
    panel.drawing.circle(panel.x(x), panel.y(error), "worst", radius=5, told=f"x {x:.4f}: {error:+.4f}")
    end = panel.x(x) > 0.5
    panel.drawing.text(
        panel.x(x), panel.y(error) + 4, f"{short(round(error, 4))}", "note", anchor="end" if end else "start",
        dx=-9 if end else 9,
    )  # fmt: skip
    return panel.drawing.markup()


def _panel(
    label: str,
    curve: Curve,
    y: tuple[float, float],
    *,
    height: float,
    is_sine: bool,
    y_marks: list[Mark] | None = None,
) -> Panel:
    x = (float(curve.x[0]), float(curve.x[-1]))
    turns = radians(*x) if is_sine else None
    return Panel(label, x=x, y=y, height=height, x_marks=turns, y_marks=y_marks)


def _mark_wrong(panel: Panel, curve: Curve, values: Reals) -> None:
    chosen = np.flatnonzero(curve.differences)[:MOST_CIRCLES]
    told = [_difference_in_words(curve, int(index)) for index in chosen]
    panel.circles(_pairs(curve.x[chosen], values[chosen]), "circle", told.__getitem__)


def _difference_in_words(curve: Curve, index: int) -> str:
    asked, got, due = curve.raw[index]
    return f"input {asked:g}: {got:g} instead of {due:g}"


def _pairs(x: Reals, y: Reals) -> list[Point]:
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _range(*values: Reals) -> tuple[float, float]:
    finite = np.concatenate(values)
    return widened(float(finite.min()), float(finite.max()))


def _even(most: float) -> list[Mark]:
    """Zero and a round value at either side."""
    top = marks(0, most, about=1)[-1]
    top = top if top > 0 and math.isfinite(top) else most
    return [(-top, short(-top)), (0.0, "0"), (top, f"+{short(top)}")]
