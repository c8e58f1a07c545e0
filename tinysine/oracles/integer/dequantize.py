"""DEQUANTIZE, as both references have it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.operators.dequantize import Dequantize
from tinysine.quantization import Rounding, dequantize


def run(node: Dequantize, sources: tuple[NDArray[Any], ...], rounding: Rounding) -> NDArray[np.float32]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    del rounding
    return dequantize(sources[0], node.source.codes)
