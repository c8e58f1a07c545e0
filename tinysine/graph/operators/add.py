"""ADD: the sum of two operands."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.sums import Sum, read_sum

OPTIONS = 11  # AddOptions


def read(reader: OperatorReader) -> Sum:
    """Read one sum.

    Raises:
        ModelError: anything about it that is not supported.
    """
    return read_sum(reader, options=OPTIONS, sign=1)
