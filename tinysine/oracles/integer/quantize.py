"""QUANTIZE in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.lookup import Lookup
from tinysine.graph.operators.quantize import Quantize
from tinysine.oracles.integer import lookup
from tinysine.quantization import Rounding, quantize


def run(node: Quantize | Lookup, sources: tuple[NDArray[Any], ...], rounding: Rounding) -> NDArray[Any]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    if isinstance(node, Lookup):
        return lookup.run(node, sources, rounding)
    (source,) = sources
    if source.dtype == np.float32:
        return quantize(source, node.result.codes, node.result.dtype)
    return source.view(np.uint8).__xor__(np.uint8(0x80)).view(node.result.dtype)
