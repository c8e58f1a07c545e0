"""The operators that the generated engine knows: one file each, which says how it is read and what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators import (
    add,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    mul,
    quantize,
    reshape,
    softmax,
    sub,
)

READERS: Mapping[str, Callable[[OperatorReader], Node]] = {
    "ADD": add.read,
    "CONV_2D": conv_2d.read,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.read,
    "DEQUANTIZE": dequantize.read,
    "FULLY_CONNECTED": fully_connected.read,
    "MUL": mul.read,
    "QUANTIZE": quantize.read,
    "RESHAPE": reshape.read,
    "SOFTMAX": softmax.read,
    "SUB": sub.read,
}
"""By the operator's name in the schema: what reads it."""
