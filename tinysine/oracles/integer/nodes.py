"""The operators in integers: one file each, whose `run` computes a node for a whole batch.

`run(node, sources, rounding)` takes an array [n, count] for each value that the node reads, in that value's dtype, and
returns one [n, count] in the dtype of its result. `rounding` is the reference, where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from tinysine.oracles.integer import (
    add,
    average_pool_2d,
    concatenation,
    convolution,
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

RUNNERS: Mapping[str, Callable[..., NDArray[Any]]] = {
    "ADD": add.run,
    "AVERAGE_POOL_2D": average_pool_2d.run,
    "CONCATENATION": concatenation.run,
    "CONV_2D": convolution.run,
    "DEPTHWISE_CONV_2D": convolution.run,
    "DEQUANTIZE": dequantize.run,
    "EXPAND_DIMS": reshape.run,
    "FULLY_CONNECTED": fully_connected.run,
    "HARD_SWISH": lookup.run,
    "LEAKY_RELU": lookup.run,
    "LOGISTIC": lookup.run,
    "MAX_POOL_2D": max_pool_2d.run,
    "MEAN": mean.run,
    "MUL": mul.run,
    "PAD": pad.run,
    "PADV2": pad.run,
    "QUANTIZE": quantize.run,
    "REDUCE_MAX": reduce_max.run,
    "RELU": lookup.run,
    "RELU6": lookup.run,
    "RELU_N1_TO_1": lookup.run,
    "RESHAPE": reshape.run,
    "SOFTMAX": softmax.run,
    "SQUEEZE": reshape.run,
    "SUB": add.run,
    "TANH": lookup.run,
}
"""By the operator's name in the schema."""
