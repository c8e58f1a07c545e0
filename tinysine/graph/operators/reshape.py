"""RESHAPE: the same values in the same order, in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.tflite.refusal import CONVERT_AGAIN

OPTIONS = 17  # ReshapeOptions


@dataclass(frozen=True, eq=False)
class Reshape(Node):
    """Another shape for the same codes."""


def read(reader: OperatorReader) -> Reshape:
    """Read one change of shape.

    Raises:
        ModelError: another number of elements than asked for, or other codes.
    """
    reader.demand_inputs(1, 2)
    source, shape = reader.source(0), reader.written_shape
    asked = reader.numbers(1) if reader.has(1) else reader.option_numbers(0, kind=OPTIONS)
    if math.prod(shape) != source.count:
        reader.refuse(
            f"makes {list(shape)} of {list(source.shape)}: another number of elements", hint=CONVERT_AGAIN
        )
    if (asked or reader.has(1)) and not _matches(asked, shape):
        reader.refuse(f"asks for the shape {list(asked)} and makes {list(shape)}")
    return reshaped(reader, shape)


def reshaped(reader: OperatorReader, shape: tuple[int, ...]) -> Reshape:
    """Read a result that has the codes of the source in another shape.

    Raises:
        ModelError: another shape in the file, or other codes.
    """
    source = reader.source(0)
    result = reader.result(shape=shape)
    reader.demand_equal_codes(source.codes, result, 0)
    return Reshape(operator=reader.name, sources=(source,), result=result)


def _matches(asked: Sequence[int], shape: tuple[int, ...]) -> bool:
    """Tell whether a shape matches the requested one; one dimension may be -1, which matches any count."""
    if len(asked) != len(shape) or sum(n < 0 for n in asked) > 1:
        return False
    return all(n in {-1, count} for n, count in zip(asked, shape, strict=True))
