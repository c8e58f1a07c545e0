"""Operators that make one code of one code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.lookup import Lookup
from tinysine.quantization import Rounding


def run(node: Lookup, sources: tuple[NDArray[Any], ...], rounding: Rounding) -> NDArray[Any]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    least = np.iinfo(node.source.dtype).min
    answers: NDArray[Any] = node.table(rounding)[sources[0].astype(np.int64) - least]
    return answers
