"""The figures of evidence that are kept: those whose declaration says which way they improve."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from tinysine.evidence.document import Document
from tinysine.history.records import Figure
from tinysine.record import AS_UNIT, Record
from tinysine.record_schema import Field, fields_of

_ONE_PLACE = 10**5  # from here on six digits have no room for a half
MOST_DIGITS, MOST_PERCENT = 10**15, 10**6  # numbers with all their digits


def figures_of(document: Document) -> tuple[Figure, ...]:
    """Return every figure of a run that has a better and a worse.

    Args:
        document: its evidence.
    Returns:
        In the order of the document. Of lists, such as layers, each element's figures have its name as their `part`.
    """
    return tuple(figure for field in kept_fields() for figure in _found(field, document))


@cache
def kept_fields() -> tuple[Field, ...]:
    """Return the declarations of all figures that are kept."""
    return tuple(field for field in fields_of(Document) if field.better and "NAME" not in field.path)


def shown_value(value: int | float) -> str:
    """Write a figure for people: all digits before the point that one can read, else six; a half is never lost."""
    if abs(value) >= MOST_DIGITS:
        return f"{value:.6g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= _ONE_PLACE else f"{value:,.6g}"


def shown_percent(percent: float | None) -> str:
    """Write a change for people: "-1.2 %"; "" for none, or one beyond all numbers."""
    if percent is None or not math.isfinite(percent):
        return ""
    return f"{percent:+.1f} %" if abs(percent) < MOST_PERCENT else f"{percent:+.3g} %"


def _found(field: Field, document: Document) -> Iterator[Figure]:
    name = ".".join(step for step in field.path if step != "[]")
    for value, part, unit in _walk(document, field.path, part="", unit=""):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            shown = unit if field.unit == AS_UNIT else field.unit
            yield Figure(name, value, shown, part, field.better)  # type: ignore[arg-type]


def _walk(value: Any, path: tuple[str, ...], *, part: str, unit: str) -> Iterator[tuple[Any, str, str]]:
    """Yield what is at a path, with the name of the element that it belongs to and the unit beside it."""
    if not path:
        yield value, part, unit
    elif path[0] == "[]":
        for number, element in enumerate(value or ()):
            yield from _walk(element, path[1:], part=_part(element, number), unit=unit)
    elif isinstance(value, Record):
        unit = getattr(value, "unit", "") or unit
        yield from _walk(getattr(value, path[0]), path[1:], part=part, unit=unit)


def _part(element: Any, number: int) -> str:
    return getattr(element, "name", "") or str(number)
