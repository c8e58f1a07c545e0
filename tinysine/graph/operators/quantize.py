"""QUANTIZE: real values to codes, or codes of one scale to codes of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.graph import Node, Value
from tinysine.graph.lookup import Lookup, centred, clamped, lookup, rescaled
from tinysine.graph.operator_reader import OperatorReader

_SUPPORTED = (("float32", "int8"), ("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"))


@dataclass(frozen=True, eq=False)
class Quantize(Node):
    """float32 to int8; or uint8 to int8 and back, where the scale stays and the zero point moves by 128.

    Codes of one scale to codes of another are a Lookup.
    """


def read(reader: OperatorReader) -> Quantize | Lookup:
    """Read one conversion.

    Raises:
        ModelError: dtypes or scales that are not supported.
    """
    reader.demand_inputs(1)
    source = reader.source(0, np.float32, np.uint8, np.int8)
    result = reader.result(np.int8, np.uint8, shape=source.shape)
    kinds = (source.dtype.name, result.dtype.name)
    if kinds not in _SUPPORTED:
        reader.refuse(f"converts {kinds[0]} to {kinds[1]}, which is not supported")
    if source.dtype != np.float32 and not _flips(source, result):
        answers = rescaled(reader, centred(source), source.codes.scale / result.codes.scale)
        return lookup(reader, source, result, clamped(result, answers + result.codes.zero_point))
    return Quantize(operator=reader.name, sources=(source,), result=result)


def _flips(source: Value, result: Value) -> bool:
    """Tell whether only the sign bit changes."""
    offset = {"int8": 0, "uint8": 128}
    moved = offset[result.dtype.name] - offset[source.dtype.name]
    same = source.codes.scale == result.codes.scale
    return moved != 0 and same and result.codes.zero_point == source.codes.zero_point + moved
