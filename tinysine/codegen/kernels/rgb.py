"""Tables of firmware/engine/rgb.h: 3 x 3 taps of three channels, a stride of 2 columns."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.scaled_sum import SCALE, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution

_BLOCK = 4  # output channels at a time
_ROW = 10  # taps, with the one whose weight is zero


def plan_rgb(node: Convolution, number: int) -> Step | None:
    """Plan the first layer of a network that sees; None where the kernel does not fit it."""
    window, images, inputs = node.window, node.source.shape[0], node.inputs
    if window.kernel != (3, 3) or inputs != 3 or node.groups > 1 or node.outputs % _BLOCK:
        return None
    if window.stride[1] != 2 or window.dilation != (1, 1) or max(window.before) >= 3:
        return None
    sums = scaled_sums(node)
    if sums is None or not all(scaled.short for scaled in sums):
        return None
    weights = np.zeros((node.outputs, 3, _ROW), np.int16)
    weights[:, :, :9] = SCALE * node.weights.reshape(node.outputs, 3, 9).astype(np.int32)
    # [block, output, word] -> [block, word, output]
    words = np.ascontiguousarray(weights).view("<i4").reshape(-1, _BLOCK, 3 * _ROW // 2).transpose(0, 2, 1)
    bias = np.array([scaled.bias for scaled in sums], np.int64).reshape(-1, _BLOCK)
    last = np.array([(scaled.multiplier, scaled.term) for scaled in sums], np.int64)
    stream = np.concatenate(
        [bias, words.reshape(len(bias), -1), last.reshape(-1, 2 * _BLOCK)], axis=1, dtype=np.int64
    ).ravel()
    pairs = -(-window.output[1] // 2)
    strip_words = 6 * pairs + 2  # up to the last word of the last window
    fields = [
        *(images, *node.source.shape[1:3], *window.before, *window.output, node.outputs),
        *(window.stride[0], strip_words, node.source.codes.zero_point),
    ]
    tables = (
        f"static const int32_t ts_engine_stream_{number}[] = {{\n{table(map(word, stream.tolist()))}\n}};\n"
        f"static const struct ts_rgb ts_engine_layer_{number} = {{\n"
        f"    ts_engine_stream_{number},\n{table(fields)},\n}};\n"
    )
    return Step(
        node=node,
        kernel="ts_rgb_s8",
        headers=("rgb.h",),
        tables=tables,
        call=f"ts_rgb_s8(&ts_engine_layer_{number}, {{source0}}, {{target}}, {{scratch}});",
        constant_bytes=4 * stream.size + STRUCT_BYTES["ts_rgb"],
        scratch_bytes=4 * 3 * strip_words,
        reason="three channels, two columns at a step",
    )
