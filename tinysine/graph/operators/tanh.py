"""TANH: the hyperbolic tangent."""

from __future__ import annotations

import numpy as np

from tinysine.fixed_point import tanh
from tinysine.graph.fixed_table import fixed_table
from tinysine.graph.float_table import TIE, float_table
from tinysine.graph.lookup import Lookup, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import Quantization

RESULT = Quantization(1 / 128, 0)  # that the specification of 8-bit quantisation demands


def read(reader: OperatorReader) -> Lookup:
    """Read one tangent: LiteRT fills a table in float32, TensorFlow Lite Micro computes in fixed point.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    if result.quantization != RESULT:
        reader.refuse(
            f"has the scale {result.codes.scale:g} and the zero point {result.codes.zero_point}; "
            "the specification demands 1/128 and 0"
        )
    # C libraries are good to about 2 units of the last place.
    answers = float_table(source, result, np.tanh, slack=2)
    return lookup(
        reader,
        source,
        result,
        answers,
        tflm=fixed_table(reader, source, result, tanh, bits=7),
        problem=TIE if answers is None else "",
    )
