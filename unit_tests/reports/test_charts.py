"""Charts: round marks, true places, and nothing that a browser could not draw."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinysine.reports.charts.bars import bar, trend_line
from tinysine.reports.charts.confusion import MOST_NUMBERED, confusion_picture
from tinysine.reports.charts.panel import Panel, radians
from tinysine.reports.charts.scale import Scale, marks, short, widened

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@settings(max_examples=60)
@given(low=NUMBERS, width=st.floats(1e-6, 1e9), about=st.integers(1, 8))
def test_marks_are_round_and_within(low: float, width: float, about: int) -> None:
    """They are evenly spaced, by 1, 2 or 5 times a power of ten, and none is outside."""
    high = low + width
    if not high > low:
        return
    found = marks(low, high, about=about)
    room = (high - low) * 1e-6 + abs(low) * 1e-9
    assert all(low - room <= value <= high + room for value in found)
    assert len(found) <= about + 1
    for step in {b - a for a, b in itertools.pairwise(found)}:
        first = f"{step:.3e}"[0]
        assert first in "1259" or width < 1e-3 * abs(low)


@settings(max_examples=30)
@given(values=st.lists(NUMBERS, min_size=1, max_size=40), limit=st.none() | NUMBERS)
def test_a_trend_is_drawn_of_any_figures(values: list[float], limit: float | None) -> None:
    """Also of one run, of figures that never change, and with a limit far away: every place is within the picture."""
    picture = ET.fromstring(trend_line(values, "flash", limit=limit))
    places = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", str(picture.find("svg/path").get("d")))  # type: ignore[union-attr]
    assert len(places) == len(values)
    assert all(0 <= float(x) <= 1000 and 0 <= float(y) <= 52 for x, y in places)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.0, 2 * math.pi, ["0", "π/2", "π", "3π/2", "2π"]),
        (-math.pi, math.pi, ["\N{MINUS SIGN}π", "\N{MINUS SIGN}π/2", "0", "π/2", "π"]),
    ],
)
def test_quarters_of_a_turn_have_their_names(low: float, high: float, words: list[str]) -> None:
    """As people write them."""
    assert [text for _, text in radians(low, high) or ()] == words


def test_a_range_of_another_size_has_no_quarters() -> None:
    """Round numbers are its marks."""
    assert radians(0, 1) is None
    assert radians(0, 100) is None


def test_numbers_are_short_and_have_a_true_minus() -> None:
    """Nothing is said that the picture cannot show."""
    assert [short(value) for value in (0.0, -0.05, 12345.6, 0.1 + 0.2)] == [
        "0",
        "\N{MINUS SIGN}0.05",
        "12,346",
        "0.3",
    ]


def test_answers_that_are_no_numbers_are_not_drawn() -> None:
    """A panel leaves them out; the rest has its place."""
    panel = Panel("x", x=(0, 1), y=(0, 1), height=100)
    assert len(panel.points([(0, 0.5), (0.5, math.nan), (1, math.inf)])) == 1


@pytest.mark.parametrize("classes", [2, MOST_NUMBERED, MOST_NUMBERED + 1, 60])
def test_a_confusion_matrix_fits(classes: int) -> None:
    """Cells have numbers where there is room; many classes make no endless picture."""
    counts = [[3 if label == read else 1 for read in range(classes)] for label in range(classes)]
    picture = ET.fromstring(confusion_picture(counts, "confusion"))
    assert float(picture.get("height", "0")) < 400
    numbers = [text.text for text in picture.iter("text") if text.get("class", "").startswith("on-")]
    assert bool(numbers) == (classes <= MOST_NUMBERED)


def test_a_part_of_nothing_can_still_be_seen() -> None:
    """A bar of a share near zero is drawn."""
    picture = ET.fromstring(bar([(0.00001, "used")], "stack"))
    used = next(box for box in picture.iter("rect") if box.get("class") == "used")
    assert used.get("width") == "0.2%"


def test_scales_are_linear_and_ranges_are_never_empty() -> None:
    """A range of one value gets room."""
    assert Scale(0, 10, 100, 0)(2.5) == 75
    assert all(low < high for low, high in (widened(0, 0), widened(5, 5), widened(-1, -1)))
