"""DEQUANTIZE: codes to the real values that they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader


@dataclass(frozen=True, eq=False)
class Dequantize(Node):
    """int8 or uint8 to float32."""


def read(reader: OperatorReader) -> Dequantize:
    """Read one conversion.

    Raises:
        ModelError: dtypes that are not supported.
    """
    reader.demand_inputs(1)
    source = reader.source(0, np.int8, np.uint8)
    result = reader.result(np.float32, shape=source.shape)
    return Dequantize(operator=reader.name, sources=(source,), result=result)
