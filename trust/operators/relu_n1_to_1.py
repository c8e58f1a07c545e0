"""Random RELU_N1_TO_1, standing alone."""

from __future__ import annotations

import numpy as np

from trust.operators.lookups import draw_lookup


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_lookup(rng, "RELU_N1_TO_1")
