"""The operators that the generated engine knows: one file each, which says how it is read and what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators import (
    add,
    average_pool_2d,
    batch_to_space_nd,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    expand_dims,
    fully_connected,
    hard_swish,
    leaky_relu,
    logistic,
    max_pool_2d,
    mul,
    pack,
    pad,
    padv2,
    quantize,
    relu,
    relu6,
    relu_n1_to_1,
    reshape,
    shape,
    softmax,
    space_to_batch_nd,
    squeeze,
    strided_slice,
    sub,
    tanh,
)

READERS: Mapping[str, Callable[[OperatorReader], Node | None]] = {
    "ADD": add.read,
    "AVERAGE_POOL_2D": average_pool_2d.read,
    "BATCH_TO_SPACE_ND": batch_to_space_nd.read,
    "CONCATENATION": concatenation.read,
    "CONV_2D": conv_2d.read,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.read,
    "DEQUANTIZE": dequantize.read,
    "EXPAND_DIMS": expand_dims.read,
    "FULLY_CONNECTED": fully_connected.read,
    "HARD_SWISH": hard_swish.read,
    "LEAKY_RELU": leaky_relu.read,
    "LOGISTIC": logistic.read,
    "MAX_POOL_2D": max_pool_2d.read,
    "MUL": mul.read,
    "PACK": pack.read,
    "PAD": pad.read,
    "PADV2": padv2.read,
    "QUANTIZE": quantize.read,
    "RELU": relu.read,
    "RELU6": relu6.read,
    "RELU_N1_TO_1": relu_n1_to_1.read,
    "RESHAPE": reshape.read,
    "SHAPE": shape.read,
    "SOFTMAX": softmax.read,
    "SPACE_TO_BATCH_ND": space_to_batch_nd.read,
    "SQUEEZE": squeeze.read,
    "STRIDED_SLICE": strided_slice.read,
    "SUB": sub.read,
    "TANH": tanh.read,
}
"""By the operator's name in the schema: what reads it; None of one that is known while reading, such as a shape."""
