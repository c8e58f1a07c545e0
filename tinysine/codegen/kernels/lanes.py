"""Convolutions as products of matrices on cores with dual multiply-accumulates: firmware/engine/lanes.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinysine.codegen.kernels.convolution import is_pointwise
from tinysine.codegen.scaled_sum import SCALE, exact_sums, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.codegen.weight_lanes import LANE_SUM, pack_lanes
from tinysine.graph.convolution import Convolution
from tinysine.quantization import IntArray, wrap_int32

BLOCK = 4  # output channels at a time
# Taps of a window of 3 x 3 x 3: of each row eight, then the last ones of all rows.
_RGB_ORDER = [9 * row + tap for row in range(3) for tap in range(8)] + [8, 17, 26]


@dataclass(frozen=True, eq=False)
class LaneConstants:
    """Constants of the kernel: the start of each channel's sum, and its requantisation; see firmware/engine/lanes.h.

    Attributes:
        kind: "short" or "exact".
        upper: int64 [outputs], what 256 times the sum of a channel in the upper half of a lane begins with.
        lower: int64 [outputs], what the sum of one in the lower half begins with.
        multiplier, term: int64 [outputs] each.
        last: int64 [pairs of channels], the word of the shifts, or what is added to 256 times the lower sum, which then
            begins with 0.
    """

    kind: Literal["short", "exact"]
    upper: IntArray
    lower: IntArray
    multiplier: IntArray
    term: IntArray
    last: IntArray


def lanes(node: Convolution, number: int) -> Step | str:
    """Plan the kernel of a convolution, or return the reason for which it cannot be used.

    Args:
        node: the convolution.
        number: of the step.
    """
    if node.groups > 1:
        return f"{node.groups} groups"
    low, high = node.bounds
    if (np.maximum(-low, high) >= LANE_SUM).any():
        return "a sum may reach 2**23"
    way = _way(node)
    weights = node.weights.reshape(node.outputs, -1)
    pairs = pack_lanes(weights[:, _RGB_ORDER] if way == "TS_LANES_RGB" else weights, block=BLOCK)
    if pairs is None:
        return "a weight of -128 stands above a negative one"
    packed = pairs.reshape(-1, 2, pairs.shape[1])
    constants = _short(node) or _exact(node)
    if constants is None:
        return "neither short requantisation is exact"
    stream = _stream(packed, constants)
    window = node.window
    images, rows, columns, channels = node.source.shape
    taps = packed.shape[2] * 2
    fields = [
        *(images * window.output[0] * window.output[1], taps, node.outputs, rows, columns, channels),
        *(*window.output, *window.before, *window.kernel, *window.stride, *window.dilation),
        *(node.source.codes.zero_point, node.clamp_min, node.clamp_max),
        int(constants.kind == "exact" and (node.clamp_min, node.clamp_max) != (-128, 127)),
        way,
    ]
    tables = (
        f"static const int32_t ts_engine_stream_{number}[] = {{\n{table(map(word, stream.tolist()))}\n}};\n"
        f"static const struct ts_lanes ts_engine_layer_{number} = {{\n"
        f"    ts_engine_stream_{number},\n{table(fields)},\n}};\n"
    )
    kernel = f"ts_lanes_{constants.kind}_s8"
    windows = 2 * taps if channels % 4 else 0
    return Step(
        node=node,
        kernel=kernel,
        headers=("lanes.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}}, (int8_t *){{scratch}});",
        constant_bytes=4 * stream.size + STRUCT_BYTES["ts_lanes"],
        scratch_bytes=4 * taps + (0 if way == "TS_LANES_DIRECT" else windows + window.kernel[1] * channels),
        cycles=_cycles(node, taps, way),
        reason=f"two rows of weights in a lane, {constants.kind} requantisation",
    )


def _cycles(node: Convolution, taps: int, way: str) -> int:
    """Estimate, from what layers of networks and random ones were measured to take."""
    pairs = -(-node.source.shape[0] * node.window.output[0] * node.window.output[1] // 2)
    rows = node.window.kernel[0]
    product = 7.5 * taps + 5.6 * -(-taps // 64) + 69  # two pixels, four channels
    if way == "TS_LANES_DIRECT":
        found = 1.7 * taps + 80
    elif way == "TS_LANES_RGB":
        found = 230.0
    elif node.inputs == 1:  # few taps in each row
        product, found = 8.8 * taps + 100, 150.0 * rows + 150
    elif node.inputs % BLOCK == 0:
        found = 1.7 * taps + 230
    else:  # copied first, row by row
        found = 4.0 * taps + 130 * rows + 230
    return round(pairs * (-(-node.outputs // BLOCK) * product + found))


def _way(node: Convolution) -> str:
    """Return how the taps of a window are found: as lanes.h names it."""
    window = node.window
    if is_pointwise(node) and node.inputs % 4 == 0:
        return "TS_LANES_DIRECT"
    rgb = window.kernel == (3, 3) and window.dilation == (1, 1) and node.inputs == 3
    return "TS_LANES_RGB" if rgb else "TS_LANES_WINDOWS"


def _short(node: Convolution) -> LaneConstants | None:
    """Return those of one multiplication and one shift; None unless both are exact for every channel."""
    sums = scaled_sums(node)
    if sums is None or not all(scaled.short for scaled in sums):
        return None
    bias, multiplier, term = (
        np.array([getattr(scaled, name) for scaled in sums], np.int64)
        for name in ("bias", "multiplier", "term")
    )
    return LaneConstants("short", bias, np.zeros_like(bias), multiplier, term, _by_twos(bias)[1::2])


def _exact(node: Convolution) -> LaneConstants | None:
    """Return the reference's own multiplier and shift for each channel; None where a word overflows."""
    if (found := exact_sums(node)) is None:
        return None
    multiplier, term, right = found
    folded, both = node.folded_bias, _by_twos(right)
    return LaneConstants("exact", SCALE * folded, folded, multiplier, term, both[0::2] | both[1::2] << 8)


def _by_twos(values: IntArray) -> IntArray:
    """Fill up with zeros to an even number; int64."""
    return np.concatenate([values, np.zeros(len(values) % 2, np.int64)])


def _stream(packed: IntArray, constants: LaneConstants) -> IntArray:
    """Return all constants in the order in which they are used."""
    blocks = len(packed)

    def filled(values: IntArray, *, size: int = BLOCK) -> IntArray:
        return np.concatenate([values, np.zeros(blocks * size - len(values), np.int64)])

    upper, lower, multiplier, term = (
        filled(each) for each in (constants.upper, constants.lower, constants.multiplier, constants.term)
    )
    sums = upper[0::2].reshape(blocks, -1)
    if constants.kind == "exact":
        sums = np.stack([upper[0::2] + lower[1::2], lower[1::2]], -1).reshape(blocks, -1)
    weights = packed.transpose(0, 2, 1).reshape(blocks, -1)
    last = filled(constants.last, size=BLOCK // 2)
    two = np.stack([multiplier[0::2], term[0::2], last, multiplier[1::2], term[1::2]], -1)
    return wrap_int32(np.concatenate([sums, weights, two.reshape(blocks, -1)], axis=1)).ravel()
