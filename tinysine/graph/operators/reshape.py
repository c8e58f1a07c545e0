"""RESHAPE: the same values in the same order, in another shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader


@dataclass(frozen=True, eq=False)
class Reshape(Node):
    """Another shape for the same codes."""


def read(reader: OperatorReader) -> Reshape:
    """Read one change of shape; the one that the file gives the result counts.

    Raises:
        ModelError: another number of elements, or other codes.
    """
    reader.demand_inputs(1, 2)
    source = reader.source(0)
    shape = reader.written_shape
    if math.prod(shape) != source.count:
        reader.refuse(f"makes {list(shape)} of {list(source.shape)}: another number of elements")
    result = reader.result(shape=shape)
    if result.quantization != source.quantization:
        reader.refuse("changes the scale or the zero point")
    return Reshape(operator=reader.name, sources=(source,), result=result)
