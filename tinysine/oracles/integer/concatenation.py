"""CONCATENATION of codes that mean the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.operators.concatenation import Concatenation
from tinysine.quantization import Rounding


def run(node: Concatenation, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    count = len(sources[0])
    parts = [codes.reshape(count, *value.shape) for codes, value in zip(sources, node.sources, strict=True)]
    return np.concatenate(parts, axis=node.axis + 1).reshape(count, -1)
