"""REDUCE_MAX: the greatest code along some axes."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.reduction import Reduction, read_reduction


def read(reader: OperatorReader) -> Reduction:
    """Read one maximum.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result, axes = read_reduction(reader)
    if result.quantization != source.quantization:
        reader.refuse("changes the scale or the zero point")
    return Reduction(operator=reader.name, sources=(source,), result=result, axes=axes)
