"""AVERAGE_POOL_2D, as both references have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.pooling import Pool
from tinysine.oracles.integer.pooling import pooled
from tinysine.oracles.integer.windows import seen_by_taps
from tinysine.quantization import IntArray, Rounding


def run(node: Pool, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding

    def means(images: NDArray[np.int8]) -> IntArray:
        total = _sums(node, images)
        inside = _sums(node, np.ones_like(images[:1]))
        rounded: IntArray = np.sign(total) * ((np.abs(total) + inside // 2) // inside)
        return rounded

    return pooled(node, sources[0], means)


def _sums(node: Pool, images: NDArray[np.int8]) -> IntArray:
    total = np.zeros((len(images), *node.window.output, images.shape[-1]), np.int64)
    for _, _, seen in seen_by_taps(images, node.window):
        total += seen
    return total
