"""REDUCE_MAX, as both references have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.reduction import Reduction
from tinysine.quantization import Rounding


def run(node: Reduction, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    codes = sources[0].reshape(-1, *node.source.shape)
    greatest: NDArray[np.int8] = codes.max(axis=tuple(axis + 1 for axis in node.axes))
    return greatest.reshape(len(codes), -1)
