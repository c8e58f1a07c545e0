"""Random LEAKY_RELU."""

from __future__ import annotations

import numpy as np

from trust.operators.lookups import draw_lookup


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    alpha = float(rng.choice([0.3, 0.0, rng.uniform(0, 1), 10 ** rng.uniform(-8, 1)]))
    return draw_lookup(rng, "LEAKY_RELU", options="LeakyReluOptions", fields={"alpha": alpha})
