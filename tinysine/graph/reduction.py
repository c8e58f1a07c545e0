"""Parts that MEAN and REDUCE_MAX share: some axes of the input become one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.graph import Node, Value
from tinysine.graph.operator_reader import OperatorReader

OPTIONS = 27  # ReducerOptions


@dataclass(frozen=True, eq=False)
class Reduction(Node):
    """One number for each place along the axes that are kept.

    Attributes:
        axes: that are reduced, ascending, each at least 0.
    """

    axes: tuple[int, ...]

    @property
    def taps(self) -> int:
        """Elements that become one."""
        return int(np.prod([self.source.shape[axis] for axis in self.axes], dtype=np.int64))


def read_reduction(reader: OperatorReader) -> tuple[Value, Value, tuple[int, ...]]:
    """Return the source, the result and the axes of one reduction.

    Raises:
        ModelError: axes that are not in the file, or out of range, or a result of another shape.
    """
    reader.demand_inputs(2)
    source = reader.source(0)
    rank = len(source.shape)
    axes = set()
    for axis in reader.numbers(1):
        if not -rank <= axis < rank:
            reader.refuse(f"reduces axis {axis} of an input of {rank} dimensions", reader.tensor(1))
        axes.add(axis % rank)
    keep = reader.option(0, "?", kind=OPTIONS)
    shape = tuple(
        1 if axis in axes else size for axis, size in enumerate(source.shape) if keep or axis not in axes
    )
    return source, reader.result(shape=shape), tuple(sorted(axes))
