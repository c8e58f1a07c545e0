"""Parts that AVERAGE_POOL_2D and MAX_POOL_2D share: images in, clamped codes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.pooling import Pool


def pooled(
    node: Pool, codes: NDArray[np.int8], pool: Callable[[NDArray[np.int8]], NDArray[Any]]
) -> NDArray[np.int8]:
    """Compute one node.

    Args:
        node: whose window and clamp count.
        codes: int8 [n, count].
        pool: int8 images [n, rows, columns, channels] -> integers, one for each window and channel.
    Returns:
        int8 [n, count of the result].
    """
    values = pool(codes.reshape(-1, *node.source.shape[1:]))
    clamped: NDArray[np.int8] = np.clip(values, node.clamp_min, node.clamp_max).astype(np.int8)
    return clamped.reshape(len(codes), -1)
