"""Random PADV2."""

from __future__ import annotations

import numpy as np

from trust.operators.padding import draw_pad


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    return draw_pad(rng, code=True)
