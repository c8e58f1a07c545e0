"""Two rows of weights in the 16-bit lanes of one word, 256 * a + b, for kernels that multiply two lanes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import IntArray, wrap_int32

LANE_SUM = 1 << 23  # below which 256 times a sum fits int32


def pack_lanes(weights: NDArray[np.int8], *, block: int) -> IntArray | None:
    """Put rows 0 and 1, 2 and 3, and so on into words, in the order in which the kernels use them.

    Args:
        weights: int8 [outputs, taps].
        block: rows are filled up with zeros to a multiple of it; even.
    Returns:
        int64 [pairs of rows, taps / 2], taps filled up to a multiple of four: of each four the words of taps 0 and 2,
        then of 1 and 3; None where a lane overflows.
    """
    outputs, taps = weights.shape
    filled = np.zeros((-(-outputs // block) * block, -(-taps // 4) * 4), np.int64)
    filled[:outputs, :taps] = weights
    both = 256 * filled[0::2] + filled[1::2]
    if (both < -(2**15)).any():
        return None
    fours = both.reshape(len(both), -1, 4)
    words = np.stack([_word(fours[..., 0], fours[..., 2]), _word(fours[..., 1], fours[..., 3])], -1)
    return words.reshape(len(both), -1)


def _word(lower: IntArray, upper: IntArray) -> IntArray:
    return wrap_int32((lower & 0xFFFF) | (upper & 0xFFFF) << 16)
