"""Tables of firmware/engine/pointwise_8.h: pointwise convolutions of eight inputs."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.kernels.convolution import is_pointwise
from tinysine.codegen.scaled_sum import SCALE, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution

INPUTS = 8
_ORDER = [0, 2, 1, 3, 4, 6, 5, 7]  # of the inputs, as they are widened
_ROWS = 4  # output channels at a time


def plan_pointwise_8(node: Convolution, number: int) -> Step | None:
    """Plan a pointwise convolution of eight inputs; None where the kernel does not fit it."""
    if not is_pointwise(node) or node.groups > 1 or node.inputs != INPUTS or node.outputs % _ROWS:
        return None
    sums = scaled_sums(node)
    if sums is None or not all(scaled.short for scaled in sums):
        return None
    weights = SCALE * node.weights.reshape(node.outputs, INPUTS)[:, _ORDER].astype(np.int32)
    words = np.ascontiguousarray(weights.astype(np.int16)).view("<i4")
    stream = [
        value
        for row, scaled in zip(words.tolist(), sums, strict=True)
        for value in (scaled.bias, *row, scaled.multiplier, scaled.term)
    ]
    images, rows, columns, _ = node.source.shape
    tables = (
        f"static const int32_t ts_engine_stream_{number}[] = {{\n{table(map(word, stream))}\n}};\n"
        f"static const struct ts_pointwise_8 ts_engine_layer_{number} = {{\n"
        f"    ts_engine_stream_{number}, {images * rows * columns}, {node.outputs},\n}};\n"
    )
    return Step(
        node=node,
        kernel="ts_pointwise_8_s8",
        headers=("pointwise_8.h",),
        tables=tables,
        call=f"ts_pointwise_8_s8(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=4 * len(stream) + STRUCT_BYTES["ts_pointwise_8"],
        reason="eight inputs of two pixels stay in registers",
    )
