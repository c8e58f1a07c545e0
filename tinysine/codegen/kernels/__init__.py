"""The kernels of the generated engine: one file an operator, which chooses one and writes its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tinysine.codegen.kernels import (
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    quantize,
    reshape,
)
from tinysine.codegen.steps import Step, Target

KERNELS: Mapping[str, Callable[[Any, int, Target], Step]] = {
    "CONV_2D": conv_2d.plan,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.plan,
    "DEQUANTIZE": dequantize.plan,
    "FULLY_CONNECTED": fully_connected.plan,
    "QUANTIZE": quantize.plan,
    "RESHAPE": reshape.plan,
}
"""By the operator's name in the schema: (node, its number, target) -> the step that runs it."""
