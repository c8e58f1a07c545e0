"""SHAPE: the dimensions of a value, known while reading."""

from __future__ import annotations

import numpy as np

from tinysine.graph.operator_reader import OperatorReader


def read(reader: OperatorReader) -> None:
    """Fold the shape of one value.

    Raises:
        ModelError: a constant, or a result that is no list of int32.
    """
    reader.demand_inputs(1)
    reader.fold(np.array(reader.source(0, np.int8, np.uint8, np.float32).shape, np.int32))
