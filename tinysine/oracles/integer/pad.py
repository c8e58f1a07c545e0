"""PAD and PADV2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.padding import Pad
from tinysine.quantization import Rounding


def run(node: Pad, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    count = len(sources[0])
    result = np.full((count, *node.result.shape), node.code, np.int8)
    inside = tuple(
        slice(before, before + size) for before, size in zip(node.before, node.source.shape, strict=True)
    )
    result[(slice(None), *inside)] = sources[0].reshape(count, *node.source.shape)
    return result.reshape(count, -1)
