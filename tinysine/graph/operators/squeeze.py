"""SQUEEZE: fewer dimensions of 1."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators.reshape import Reshape, reshaped

OPTIONS = 30  # SqueezeOptions


def read(reader: OperatorReader) -> Reshape:
    """Read one change of shape; without axes, all dimensions of 1 go.

    Raises:
        ModelError: an axis that makes no sense, or other codes.
    """
    reader.demand_inputs(1)
    shape = reader.source(0).shape
    axes = {reader.axis(axis, len(shape)) for axis in reader.option_numbers(0, kind=OPTIONS)}
    if any(shape[axis] != 1 for axis in axes):
        reader.refuse(f"takes the axes {sorted(axes)} out of {list(shape)}, which are not all of 1")
    axes = axes or {axis for axis, count in enumerate(shape) if count == 1}
    return reshaped(reader, tuple(count for axis, count in enumerate(shape) if axis not in axes))
