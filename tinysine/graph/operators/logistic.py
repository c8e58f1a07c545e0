"""LOGISTIC: 1 / (1 + exp(-x))."""

from __future__ import annotations

import numpy as np

from tinysine.fixed_point import logistic
from tinysine.graph.fixed_table import fixed_table
from tinysine.graph.float_table import TIE, Float32, Float64, float_table
from tinysine.graph.lookup import Lookup, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators.softmax import SHARES


def read(reader: OperatorReader) -> Lookup:
    """Read one logistic function: LiteRT fills a table in float32, TensorFlow Lite Micro computes in fixed point.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    if result.quantization != SHARES:
        reader.refuse(
            f"has the scale {result.codes.scale:g} and the zero point {result.codes.zero_point}; "
            "the references demand 1/256 and -128"
        )
    # C libraries are good to 0.502 to 0.51 units of the last place.
    answers = float_table(source, result, _exp_of_minus, then=_share, slack=0.01)
    return lookup(
        reader,
        source,
        result,
        answers,
        tflm=fixed_table(reader, source, result, logistic, bits=8),
        problem=TIE if answers is None else "",
    )


def _exp_of_minus(real: Float64) -> Float64:
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(-real)


def _share(exp: Float32) -> Float32:
    return np.float32(1) / (np.float32(1) + exp)
