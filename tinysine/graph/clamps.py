"""Fused activations as limits of the output codes."""

from __future__ import annotations

import math

import numpy as np

from tinysine.graph.refusal import refuse
from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw

# The real values that an activation leaves; None where there is no limit on that side.
_LIMITS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu_n1_to_1": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}


def clamp_of(
    fused: int, q: Quantization, operator: raw.RawOperator, result: raw.RawTensor, *, file: str
) -> tuple[int, int]:
    """Return the least and the greatest int8 code that a fused activation leaves.

    Args:
        fused: its number in the schema.
        q: quantisation of the result.
        operator, result, file: for messages.
    Raises:
        ModelError: an activation that is not supported, or a scale too small to express its limits.
    Source:
        CalculateActivationRangeQuantized of TensorFlow Lite.
    """
    name = raw.ACTIVATIONS.get(fused, f"activation {fused}")
    if name not in _LIMITS:
        refuse(file, f"has the fused activation {name}; {', '.join(_LIMITS)} are supported", operator, result)
    low, high = _LIMITS[name]
    lowest = -128 if low is None else max(-128, _code(low, q, operator, result, file=file))
    highest = 127 if high is None else min(127, _code(high, q, operator, result, file=file))
    return lowest, highest


def _code(
    real: float, q: Quantization, operator: raw.RawOperator, result: raw.RawTensor, *, file: str
) -> int:
    # float32 division, halves away from zero, as the kernels' own preparation does.
    with np.errstate(over="ignore"):
        steps = float(np.float32(real) / np.float32(q.scale))
    if not abs(steps) < 2**31 - 256:
        refuse(file, f"has the scale {q.scale:g}, too small to express {real:g} in int32", operator, result)
    return q.zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))
