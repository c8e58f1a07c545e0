"""Random MUL."""

from __future__ import annotations

import numpy as np

from trust.operators.pairs import draw_pair


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_pair(rng, "MUL", "MulOptions", product=True)
