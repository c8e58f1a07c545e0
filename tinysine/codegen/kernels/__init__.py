"""The kernels of the generated engine: one file an operator, which chooses one and writes its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tinysine.codegen.kernels import (
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    lookup,
    max_pool_2d,
    mean,
    mul,
    pad,
    quantize,
    reduce_max,
    reshape,
    softmax,
)
from tinysine.codegen.steps import Step, Target

KERNELS: Mapping[str, Callable[[Any, int, Target], Step]] = {
    "ADD": add.plan,
    "AVERAGE_POOL_2D": average_pool_2d.plan,
    "CONCATENATION": concatenation.plan,
    "CONV_2D": conv_2d.plan,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.plan,
    "DEQUANTIZE": dequantize.plan,
    "EXPAND_DIMS": reshape.plan,
    "FULLY_CONNECTED": fully_connected.plan,
    "HARD_SWISH": lookup.plan,
    "LEAKY_RELU": lookup.plan,
    "LOGISTIC": lookup.plan,
    "MAX_POOL_2D": max_pool_2d.plan,
    "MEAN": mean.plan,
    "MUL": mul.plan,
    "PAD": pad.plan,
    "PADV2": pad.plan,
    "QUANTIZE": quantize.plan,
    "REDUCE_MAX": reduce_max.plan,
    "RELU": lookup.plan,
    "RELU6": lookup.plan,
    "RELU_N1_TO_1": lookup.plan,
    "RESHAPE": reshape.plan,
    "SOFTMAX": softmax.plan,
    "SQUEEZE": reshape.plan,
    "SUB": add.plan,
    "TANH": lookup.plan,
}
"""By the operator's name in the schema: (node, its number, target) -> the step that runs it."""

ALTERNATIVES: Mapping[str, Callable[[Any, int, Target], tuple[Step, ...]]] = {"CONV_2D": conv_2d.alternatives}
"""By the operator's name: (node, its number, target) -> steps that may be faster, and take more memory."""
