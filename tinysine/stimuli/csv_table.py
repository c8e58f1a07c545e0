"""A table of numbers in a .csv file: a row for each input; a heading and a column of labels, if there are any."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float() takes more than people write, such as 1_0 for 10.
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_BEYOND = 2.0**63
_MISSING_VALUES = ("na", "n/a", "#n/a", "null", "none", "missing")


_SEPARATORS = (";", "\t", "|", " ")


class NoTable(Exception):
    """The text is no table of numbers. Always turned into a ConfigError by the reader of the file."""


def read_table(content: bytes, label_names: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Read the numbers of a .csv file.

    A first row is a heading if no cell of it is a number and each could be a name, or one of them names the column of
    labels. A cell such as 0x10 or n/a is no name: taken for a heading, it would cost a sample that nobody misses.

    Args:
        content: of the file, in UTF-8.
        label_names: of the column with labels, in small letters.
    Returns:
        [n, columns], int64 where all are written without a point or an exponent, else float64; and the labels [n],
        None without such a column.
    Raises:
        NoTable: a cell that is no number, a number that is none of int64, or rows of different lengths.
        UnicodeDecodeError, csv.Error: it is no such text.
    """
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    rows = [[cell.strip() for cell in row] for row in csv.reader(text) if any(cell.strip() for cell in row)]
    head = [cell.lower() for cell in rows[0]] if rows else []
    labelled = next((head.index(name) for name in label_names if name in head), None)
    names = rows and _other_separator(rows[0]) is None and all(map(_may_be_name, rows[0]))
    if rows and (labelled is not None or names):
        del rows[0]
    for number, row in enumerate(rows, start=1):
        if (between := _other_separator(row)) is not None:
            raise NoTable(
                f"has {between!r} between the numbers of row {number}; write commas between numbers, and points in them"
            )
        if len(row) != len(rows[0]):
            raise NoTable(f"has {len(row)} numbers in row {number}, and {len(rows[0])} in the first")
        if (wrong := next((cell for cell in row if not _NUMBER.fullmatch(cell)), None)) is not None:
            raise NoTable(f"has {wrong[:40]!r} in row {number}, which is no number")
    labels = None
    if labelled is not None:
        if rows and labelled >= len(rows[0]):
            raise NoTable(f"has {len(head)} names in its heading, and {len(rows[0])} numbers in each row")
        labels = np.array([float(row.pop(labelled)) for row in rows])
    values = np.array([[float(cell) for cell in row] for row in rows], np.float64)
    if not all(_WHOLE.fullmatch(cell) for row in rows for cell in row):
        return values, labels
    if values.size and np.abs(values).max() >= _BEYOND:
        row, column = np.argwhere(np.abs(values) >= _BEYOND)[0]
        raise NoTable(
            f"has {rows[row][column][:40]}, which is no code of any model; real values are written as floats"
        )
    return np.array([[int(cell) for cell in row] for row in rows], np.int64), labels


def _may_be_name(cell: str) -> bool:
    """Tell whether a cell may name a column; it may be empty, as that of an index is."""
    if not cell:
        return True
    as_number = cell[0].isdecimal() or cell[0] in "+-.," or _NUMBER.fullmatch(cell)
    return not as_number and any(map(str.isalpha, cell)) and cell.lower() not in _MISSING_VALUES


def _other_separator(row: Sequence[str]) -> str | None:
    """Return the character between the numbers of a row that stands in place of a comma; None where there is none."""
    for cell in row:
        for separator in _SEPARATORS:
            parts = [part.strip() for part in cell.strip(separator).split(separator)]
            if len(parts) > 1 and all(map(_NUMBER.fullmatch, parts)):
                return separator
    return None
