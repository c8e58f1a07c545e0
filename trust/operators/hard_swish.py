"""Random HARD_SWISH."""

from __future__ import annotations

import numpy as np

from tinysine.quantization import Quantization
from trust.operators.drawing import draw_quantization
from trust.operators.lookups import draw_lookup


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model. The references refuse a result of a scale 128 times smaller than the input's."""
    q = Quantization(float(np.float32(10 ** rng.uniform(-5, 2))), draw_quantization(rng).zero_point)
    ratio = 10 ** rng.uniform(-2, 2)
    result = Quantization(float(np.float32(q.scale * ratio)), draw_quantization(rng).zero_point)
    return draw_lookup(rng, "HARD_SWISH", source=q, result=result, options="HardSwishOptions")
