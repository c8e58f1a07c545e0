"""Bounds of accumulators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import IntArray


def bounds_of(
    weights: NDArray[np.int8], bias: NDArray[np.int32], zero_point: int
) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest accumulator of each output, over all int8 inputs and in any order of sums.

    Args:
        weights: int8 [outputs, inputs].
        bias: int32 [outputs].
        zero_point: of the inputs.
    Returns:
        (min, max), int64 [outputs] each: bias plus the sum of weight * (input - zero point), unbounded by int32.
        An input of padding is the zero point, and within them.
    """
    positive = np.maximum(weights, 0).sum(axis=1, dtype=np.int64)
    negative = np.minimum(weights, 0).sum(axis=1, dtype=np.int64)
    low, high = -128 - zero_point, 127 - zero_point
    wide = bias.astype(np.int64)
    return wide + positive * low + negative * high, wide + positive * high + negative * low
