"""The figures that are compared from night to night: their names, headings and places, as they are declared."""

from __future__ import annotations

from functools import cache

from tinysine.evidence import Document
from tinysine.record import Number
from tinysine.record_schema import Field, fields_of


@cache
def trends() -> dict[str, Field]:
    """Their fields in the evidence, by name, in the order of the table."""
    found = [(field.trend, field) for field in fields_of(Document) if field.trend is not None]
    found.sort(key=lambda pair: pair[0].column)
    return {trend.name or field.name: field for trend, field in found}


def headings() -> tuple[str, ...]:
    """The heading of each."""
    return tuple(field.trend.heading for field in trends().values() if field.trend is not None)


def measured(document: Document) -> dict[str, Number]:
    """Return those that a run measured, by name."""
    found: dict[str, Number] = {}
    for name, field in trends().items():
        value: object = document
        for step in field.path:
            value = getattr(value, step, None)
        if isinstance(value, int | float):
            found[name] = value
    return found
