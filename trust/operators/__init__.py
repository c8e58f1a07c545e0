"""Random models of one operator each, with all its attributes: what the oracles and the C are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from trust.operators import (
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    expand_dims,
    fully_connected,
    graph,
    max_pool_2d,
    mul,
    pad,
    padv2,
    reshape,
    softmax,
    space_to_batch_nd,
    squeeze,
    sub,
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
    "MAX_POOL_2D": max_pool_2d.draw,
    "MUL": mul.draw,
    "PAD": pad.draw,
    "PADV2": padv2.draw,
    "RESHAPE": reshape.draw,
    "SOFTMAX": softmax.draw,
    "SPACE_TO_BATCH_ND": space_to_batch_nd.draw,
    "SQUEEZE": squeeze.draw,
    "SUB": sub.draw,
}
"""By the operator's name in the schema, or GRAPH, of several: random numbers -> the bytes of a .tflite file."""
