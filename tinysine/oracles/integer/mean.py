"""MEAN in integers, as both references have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.operators.mean import Mean
from tinysine.quantization import Rounding, requantize_double


def run(node: Mean, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    codes = sources[0].reshape(-1, *node.source.shape).astype(np.int64)
    total = (codes - node.source.codes.zero_point).sum(axis=tuple(axis + 1 for axis in node.axes))
    scaled = requantize_double(total, np.array(node.multiplier), np.array(node.shift))
    mean: NDArray[np.int8] = np.clip(scaled + node.result.codes.zero_point, -128, 127).astype(np.int8)
    return mean.reshape(len(codes), -1)
