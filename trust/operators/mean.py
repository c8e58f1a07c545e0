"""Random MEAN."""

from __future__ import annotations

import numpy as np

from trust.operators.reductions import draw_reduction


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_reduction(rng, "MEAN", rescales=True)
