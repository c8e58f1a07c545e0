"""Random MAX_POOL_2D."""

from __future__ import annotations

import numpy as np

from trust.operators.drawing import draw_pool


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_pool(rng, "MAX_POOL_2D")
