"""Numbers as C source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from tinysine.outside_text import c_comment

_INDENT, _WIDTH = 4, 110
INT32_MIN = -(2**31)
LAYER_COMMENT = re.compile(r"/\* layer (\d+): ")


def table(values: Iterable[object]) -> str:
    """Comma-separated initialisers, folded to the width of the page."""
    lines: list[str] = []
    line: list[str] = []
    width = _INDENT
    for text in map(str, values):
        # Each is followed by a comma and, within a line, by a blank.
        if line and width + len(text) + 1 > _WIDTH:
            lines.append(", ".join(line))
            line, width = [], _INDENT
        line.append(text)
        width += len(text) + 2
    lines.append(", ".join(line))
    return " " * _INDENT + f",\n{' ' * _INDENT}".join(lines)


def word(value: int) -> str:
    """An int32. C has no literal for the least: its minus sign is an operator on a number too large."""
    return "INT32_MIN" if value == INT32_MIN else str(value)


def float32(value: float) -> str:
    """A float32 as a literal that reads back to the same bits."""
    return f"{float(np.float32(value)).hex()}F"


def layer_comment(number: int, what: str, name: str) -> str:
    """Return the comment that starts a layer in the generated C; LAYER_COMMENT matches it."""
    return f"/* layer {number}: {what}: {c_comment(name)} */"


def end_name(end: str, number: int, count: int) -> str:
    """The member of `ts_engine_ends` for one of `count` inputs or outputs; `end` is "input" or "output"."""
    return end if count == 1 else f"{end}_{number}"


def layer_at_line(source: str) -> Callable[[int], int | None]:
    """Return a function from a line of a generated engine to the number of its layer; None for a line of no layer."""
    layers: list[int | None] = []
    current: int | None = None
    for line in source.splitlines():
        if found := LAYER_COMMENT.search(line):
            current = int(found.group(1))
        elif line.startswith("}"):
            current = None
        layers.append(current)
    return lambda number: layers[number - 1] if 1 <= number <= len(layers) else None
