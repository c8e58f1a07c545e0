"""QUANTIZE: real values to codes, or codes of one scale to codes of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader


@dataclass(frozen=True, eq=False)
class Quantize(Node):
    """float32 to int8; or uint8 to int8 and back, where the scale stays and the zero point moves by 128."""


def read(reader: OperatorReader) -> Quantize:
    """Read one conversion.

    Raises:
        ModelError: dtypes or scales that are not supported.
    """
    reader.demand_inputs(1)
    source = reader.source(0, np.float32, np.uint8, np.int8)
    result = reader.result(np.int8, np.uint8, shape=source.shape)
    if source.dtype == np.float32:
        if result.dtype != np.int8:
            reader.refuse(f"converts float32 to {result.dtype}; float32 to int8 is supported")
    elif {source.dtype.name, result.dtype.name} == {"int8", "uint8"}:
        offset = 128 if result.dtype == np.uint8 else -128
        if (
            source.codes.scale != result.codes.scale
            or result.codes.zero_point != source.codes.zero_point + offset
        ):
            reader.refuse(
                f"rescales {source.dtype} to {result.dtype}; only equal scales and zero points 128 apart are supported"
            )
    else:
        reader.refuse(f"converts {source.dtype} to {result.dtype}, which is not supported")
    return Quantize(operator=reader.name, sources=(source,), result=result)
