"""Tables of firmware/engine/taps.h: convolutions of one channel, two columns at a step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.scaled_sum import SCALE, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution

_LANES = 4  # outputs, and columns of taps, at a time


def plan_taps(node: Convolution, number: int) -> Step | None:
    """Plan a convolution of one input channel; None where the kernel does not fit it."""
    window = node.window
    images, rows, columns, inputs = node.source.shape
    if inputs != 1 or window.stride[1] != 2 or window.dilation[1] != 1 or (sums := scaled_sums(node)) is None:
        return None
    taps, quads = _padded(node)
    plane_rows = (window.output[0] - 1) * window.stride[0] + (taps - 1) * window.dilation[0] + 1
    plane_words = 2 * (-(-window.output[1] // 2) - 1) + 2 * quads + 1
    weights = _words(node, np.array([scaled.bias for scaled in sums], np.int64))
    padded = [scaled.initialiser for scaled in sums] + ["{0, 0, 0}"] * (-node.outputs % _LANES)
    limits = (node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    fields = [
        f"{{{4 * plane_words * window.dilation[0]}, {32 * taps}, {quads}}}",
        f"{{{', '.join(map(str, limits))}}}",
        *(images, rows, columns, *window.before, plane_rows, plane_words),
        *(*window.output, node.outputs, window.stride[0], node.source.codes.zero_point),
        int(all(scaled.short for scaled in sums)),
    ]
    tables = (
        f"static const int32_t ts_engine_weights_{number}[] = {{\n{table(map(word, weights))}\n}};\n"
        f"static const struct ts_scaled_sum ts_engine_channels_{number}[] = {{\n{table(padded)}\n}};\n"
        f"static const struct ts_taps ts_engine_layer_{number} = {{\n"
        f"    ts_engine_weights_{number}, ts_engine_channels_{number},\n{table(fields)},\n}};\n"
    )
    slow = sum(not scaled.short for scaled in sums)
    return Step(
        node=node,
        kernel="ts_taps_s8",
        headers=("taps.h",),
        tables=tables,
        call=f"ts_taps_s8(&ts_engine_layer_{number}, {{source0}}, {{target}}, {{scratch}});",
        constant_bytes=4 * len(weights) + 12 * len(padded) + STRUCT_BYTES["ts_taps"],
        scratch_bytes=4 * plane_rows * plane_words,
        cycles=round(taps_cycles(node)),
        reason="one channel, two columns at a step"
        + (f"; {slow} of {node.outputs} channels have no short requantisation" if slow else ""),
    )


def taps_cycles(node: Convolution) -> float:
    """Estimate the cycles that the kernel takes, from what random layers were measured to take."""
    (rows, columns), images = node.window.output, node.source.shape[0]
    taps, quads = _padded(node)
    job = 36.5 * taps * quads + 11 * quads + 150  # two outputs along, four channels
    return float(images * rows * -(-columns // 2) * -(-node.outputs // _LANES) * job)


def _padded(node: Convolution) -> tuple[int, int]:
    """Rows of taps and fours of columns, with those whose weights are zero."""
    rows, columns = node.window.kernel
    return rows + rows % 2, -(-columns // _LANES)


def _words(node: Convolution, bias: NDArray[np.int64]) -> list[int]:
    """Biases and weights in the order of taps.h."""
    (rows, columns), (taps, quads) = node.window.kernel, _padded(node)
    groups = -(-node.outputs // _LANES)
    weights = np.zeros((groups * _LANES, taps, quads * _LANES), np.int16)
    weights[: node.outputs, :rows, :columns] = SCALE * node.weights[..., 0].astype(np.int32)
    # [group, output, row, quad, word, half] -> [group, quad, row, word, output, half]
    ordered = weights.reshape(groups, _LANES, taps, quads, 2, 2).transpose(0, 3, 2, 4, 1, 5)
    words = np.ascontiguousarray(ordered).view("<i4").reshape(groups, -1)
    biases = np.zeros(groups * _LANES, np.int64)
    biases[: node.outputs] = bias
    table_of_all = np.concatenate([biases.reshape(groups, _LANES), words], axis=1)
    return [int(value) for value in table_of_all.flat]
