"""Random models of one operator each, with all its attributes: what the oracles and the C are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tinysine.quantization import INTERPRETED, Rounding
from trust.operators import (
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    expand_dims,
    fully_connected,
    graph,
    hard_swish,
    leaky_relu,
    logistic,
    max_pool_2d,
    mean,
    mul,
    pad,
    padv2,
    quantize,
    reduce_max,
    relu,
    relu6,
    relu_n1_to_1,
    reshape,
    softmax,
    space_to_batch_nd,
    squeeze,
    sub,
    tanh,
)

DRAWS: Mapping[str, Callable[[np.random.Generator], bytes]] = {
    "ADD": add.draw,
    "AVERAGE_POOL_2D": average_pool_2d.draw,
    "CONCATENATION": concatenation.draw,
    "CONV_2D": conv_2d.draw,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.draw,
    "EXPAND_DIMS": expand_dims.draw,
    "FULLY_CONNECTED": fully_connected.draw,
    "GRAPH": graph.draw,
    "HARD_SWISH": hard_swish.draw,
    "LEAKY_RELU": leaky_relu.draw,
    "LOGISTIC": logistic.draw,
    "MAX_POOL_2D": max_pool_2d.draw,
    "MEAN": mean.draw,
    "MUL": mul.draw,
    "PAD": pad.draw,
    "PADV2": padv2.draw,
    "QUANTIZE": quantize.draw,
    "REDUCE_MAX": reduce_max.draw,
    "RELU": relu.draw,
    "RELU6": relu6.draw,
    "RELU_N1_TO_1": relu_n1_to_1.draw,
    "RESHAPE": reshape.draw,
    "SOFTMAX": softmax.draw,
    "SPACE_TO_BATCH_ND": space_to_batch_nd.draw,
    "SQUEEZE": squeeze.draw,
    "SUB": sub.draw,
    "TANH": tanh.draw,
}
"""By the operator's name in the schema, or GRAPH, of several: random numbers -> the bytes of a .tflite file."""

_ONLY = {"RELU_N1_TO_1": Rounding.LITERT}


def references_of(operator: str) -> tuple[Rounding, ...]:
    """Return the references that have an operator, of those that an interpreter here answers as: nearly always both."""
    return (_ONLY[operator],) if operator in _ONLY else INTERPRETED
