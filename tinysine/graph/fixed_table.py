"""The references' tables of a function of fixed-point numbers with four integer bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinysine.fixed_point import high_product, rounding_shift, split_multiplier
from tinysine.graph.graph import Value
from tinysine.graph.lookup import centred, clamped
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import IntArray

_BITS = 4  # integer bits of what the function takes


def fixed_table(
    reader: OperatorReader,
    source: Value,
    result: Value,
    function: Callable[[IntArray, int], IntArray],
    *,
    bits: int,
) -> IntArray:
    """Return the answers of an int8 kernel that computes a function in fixed point.

    Args:
        reader: to refuse with.
        source, result: int8.
        function: of tinysine.fixed_point; its result has no integer bits.
        bits: behind the point, of the result's codes.
    Raises:
        ModelError: a scale for which the kernel's own shifts are undefined.
    Source:
        Logistic and Tanh in integer_ops of TensorFlow Lite Micro.
    """
    multiplier, shift = split_multiplier(source.codes.scale * 2.0 ** (31 - _BITS))
    if not 0 <= shift <= 62:
        reader.refuse(
            f"has an input of scale {source.codes.scale:g}, for which TensorFlow Lite Micro is undefined"
        )
    radius = ((1 << _BITS) - 1) << (31 - _BITS) >> shift
    codes = centred(source)
    inside = np.where(np.abs(codes) < radius, codes, 0)
    exact = function(high_product(inside << shift, multiplier), _BITS)
    answers = clamped(result, rounding_shift(exact, 31 - bits) + result.codes.zero_point)
    return np.select([codes <= -radius, codes >= radius], [-128, 127], answers)
