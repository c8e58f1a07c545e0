"""Random TANH."""

from __future__ import annotations

import numpy as np

from tinysine.quantization import Quantization
from trust.operators.lookups import draw_function


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_function(rng, "TANH", Quantization(1 / 128, 0))
