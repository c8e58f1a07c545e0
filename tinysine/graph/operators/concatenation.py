"""CONCATENATION: values one behind the other along an axis."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader

OPTIONS = 10  # ConcatenationOptions
MOST_SOURCES = 10  # as TensorFlow Lite Micro has it


@dataclass(frozen=True, eq=False)
class Concatenation(Node):
    """Sources side by side.

    Attributes:
        axis: from 0.
    """

    axis: int


def read(reader: OperatorReader) -> Concatenation:
    """Read one concatenation.

    Raises:
        ModelError: an axis or shapes that make no sense, or codes of another scale than the result's.
    """
    reader.demand_inputs(*range(1, MOST_SOURCES + 1))
    sources = tuple(reader.source(position) for position in range(reader.input_count))
    rank = len(sources[0].shape)
    axis = reader.axis(reader.option(0, "i", kind=OPTIONS), rank)
    others = {value.shape[:axis] + value.shape[axis + 1 :] for value in sources}
    if len(others) > 1 or any(len(value.shape) != rank for value in sources):
        shapes = ", ".join(str(list(value.shape)) for value in sources)
        reader.refuse(f"has sources of shapes {shapes}, which do not go together along axis {axis}")
    if reader.option(1, "b", kind=OPTIONS):
        reader.refuse("has a fused activation, which neither reference takes")
    count = sum(value.shape[axis] for value in sources)
    result = reader.result(shape=(*sources[0].shape[:axis], count, *sources[0].shape[axis + 1 :]))
    for position, value in enumerate(sources):
        reader.demand_equal_codes(value.codes, result, position)
    return Concatenation(operator=reader.name, sources=sources, result=result, axis=axis)
