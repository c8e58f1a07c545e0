"""SOFTMAX in integers, as both references have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.fixed_point import high_product, reciprocal_of_one_plus, rounding_shift
from tinysine.graph.operators.softmax import SUM_BITS, Softmax
from tinysine.quantization import Rounding


def run(node: Softmax, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    rows = sources[0].reshape(-1, node.width).astype(np.int64)
    exps = node.exps.astype(np.int64)[rows.max(axis=1, keepdims=True) - rows]
    total = rounding_shift(exps, SUM_BITS).sum(axis=1, keepdims=True)
    # The sum is a fraction in [1, 2) times a power of two.
    unit = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    reciprocal = reciprocal_of_one_plus((total << (32 - unit)) - (1 << 31))
    # The 31 bits of a share, less 8 of a code, and the power of two.
    share = rounding_shift(high_product(exps, reciprocal), unit + SUM_BITS - 9)
    codes: NDArray[np.int8] = np.minimum(share - 128, 127).astype(np.int8)
    return codes.reshape(len(sources[0]), -1)
