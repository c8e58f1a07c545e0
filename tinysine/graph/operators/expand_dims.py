"""EXPAND_DIMS: one more dimension, of 1."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators.reshape import Reshape, reshaped


def read(reader: OperatorReader) -> Reshape:
    """Read one change of shape.

    Raises:
        ModelError: an axis that makes no sense, or other codes.
    """
    reader.demand_inputs(2)
    shape = reader.source(0).shape
    axes = reader.numbers(1)
    if len(axes) != 1:
        reader.refuse(f"has {len(axes)} axes; one is supported", reader.tensor(1))
    axis = reader.axis(axes[0], len(shape) + 1)
    return reshaped(reader, (*shape[:axis], 1, *shape[axis:]))
