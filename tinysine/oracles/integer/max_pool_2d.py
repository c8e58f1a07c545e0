"""MAX_POOL_2D, as both references have it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.pooling import Pool
from tinysine.oracles.integer.pooling import pooled
from tinysine.oracles.integer.windows import seen_by_taps
from tinysine.quantization import Rounding


def run(node: Pool, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding

    def greatest(images: NDArray[np.int8]) -> NDArray[np.int8]:
        return functools.reduce(
            np.maximum, (seen for _, _, seen in seen_by_taps(images, node.window, fill=-128))
        )

    return pooled(node, sources[0], greatest)
