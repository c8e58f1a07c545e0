"""SUB: the first operand less the second."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.sums import Sum, read_sum

OPTIONS = 28  # SubOptions


def read(reader: OperatorReader) -> Sum:
    """Read one difference.

    Raises:
        ModelError: anything about it that is not supported.
    """
    return read_sum(reader, options=OPTIONS, sign=-1)
