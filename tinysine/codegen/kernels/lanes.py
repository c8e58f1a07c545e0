"""Convolutions as products of matrices on cores with dual multiply-accumulates: firmware/engine/lanes.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.code_steps import find_code_steps
from tinysine.codegen.kernels.convolution import folded_bias
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution
from tinysine.quantization import IntArray, requantize_double, wrap_int32

INT32_MAX = 2**31 - 1
BLOCK = 4  # output channels at a time
LANE_SUM = 1 << 23  # below which 256 times a sum fits int32
MAX_SHIFT = 22  # of a sum times 256; beyond it the zero point leaves int32


@dataclass(frozen=True, eq=False)
class LaneRequantization:
    """How the sums of all channels become codes; see firmware/engine/lanes.h.

    Attributes:
        kind: "fast" or "exact".
        multiplier, term, shift: int64 [outputs] each.
    """

    kind: Literal["fast", "exact"]
    multiplier: IntArray
    term: IntArray
    shift: IntArray


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
    packed = pack_lanes(node.weights.reshape(node.outputs, -1))
    if packed is None:
        return "a weight of -128 stands above a negative one"
    requantization = fast_requantization(node) or exact_requantization(node)
    if requantization is None:
        return "neither short requantisation is exact"
    stream = _stream(node, packed, requantization)
    window = node.window
    images, rows, columns, channels = node.source.shape
    taps = packed.shape[2] * 2
    fields = [
        *(images * window.output[0] * window.output[1], taps, node.outputs, rows, columns, channels),
        *(*window.output, *window.before, *window.kernel, *window.stride, *window.dilation),
        *(node.source.codes.zero_point, node.clamp_min, node.clamp_max),
    ]
    tables = (
        f"static const int32_t ts_engine_stream_{number}[] = {{\n{table(map(word, stream.tolist()))}\n}};\n"
        f"static const struct ts_lanes ts_engine_layer_{number} = {{\n"
        f"    ts_engine_stream_{number},\n{table(fields)},\n}};\n"
    )
    kernel = f"ts_lanes_{requantization.kind}_s8"
    windows = 2 * taps if channels % 4 else 0
    return Step(
        node=node,
        kernel=kernel,
        headers=("lanes.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}}, (int8_t *){{scratch}});",
        constant_bytes=4 * stream.size + STRUCT_BYTES["ts_lanes"],
        scratch_bytes=4 * taps + windows + window.kernel[1] * channels,
        reason=f"two rows of weights in a lane, {requantization.kind} requantisation",
    )


def pack_lanes(weights: NDArray[np.int8]) -> IntArray | None:
    """Put two rows of weights in the lanes of one word, in the order in which the kernel uses them.

    Args:
        weights: int8 [outputs, taps].
    Returns:
        int64 [blocks, 2, pairs of taps]: the words of channels 0 and 1, then of 2 and 3; None where a lane overflows.
    """
    outputs, taps = weights.shape
    filled = np.zeros((-(-outputs // BLOCK) * BLOCK, -(-taps // 4) * 4), np.int64)
    filled[:outputs, :taps] = weights
    both = 256 * filled[0::2] + filled[1::2]
    if (both < -(2**15)).any():
        return None
    # Of four taps the even ones share a word, then the odd ones.
    fours = both.reshape(len(both), -1, 4)
    words = np.stack(
        [_lanes_word(fours[..., 0], fours[..., 2]), _lanes_word(fours[..., 1], fours[..., 3])], -1
    )
    return words.reshape(-1, 2, filled.shape[1] // 2)


def fast_requantization(node: Convolution) -> LaneRequantization | None:
    """Find a term for each channel with which one rounding does for two; None where there is none.

    Both are monotone: what is equal on both sides of each step between two codes is equal everywhere. Where all codes
    above the least stand for positive sums, as those of relu do, there is always one.
    """
    low, high = node.bounds
    zero_point = node.result.codes.zero_point
    shift, multiplier = 7 - node.shift.astype(np.int64), node.multiplier.astype(np.int64)
    if (shift < 0).any() or (shift > MAX_SHIFT).any():
        return None
    steps = find_code_steps(
        low,
        high,
        np.arange(node.clamp_min + 1, node.clamp_max + 1, dtype=np.int64) - zero_point,
        lambda rows, acc: requantize_double(acc.T, node.multiplier[rows], node.shift[rows]).T,
    )
    goal = (steps.levels + zero_point) << shift[:, None]
    at = _high_word(np.minimum(steps.first, high[:, None]), multiplier)
    before = _high_word(np.maximum(steps.first - 1, low[:, None]), multiplier)
    # The first sum of a level has to reach it, the one before must not.
    least = np.where(steps.first <= high[:, None], goal - at, -INT32_MAX).max(axis=1, initial=-INT32_MAX)
    most = np.where(steps.first > low[:, None], goal - 1 - before, INT32_MAX).min(axis=1, initial=INT32_MAX)
    term = np.clip(0, least, np.maximum(least, most))
    ends = np.stack([_high_word(end[:, None], multiplier)[:, 0] + term for end in (low, high)])
    if (least > most).any() or (np.abs(ends) > INT32_MAX).any():
        return None
    return LaneRequantization("fast", multiplier, term, shift)


def exact_requantization(node: Convolution) -> LaneRequantization | None:
    """Return the reference's own multiplier and shift for each channel; None where a word overflows."""
    low, high = node.bounds
    multiplier, right = node.multiplier.astype(np.int64), -node.shift.astype(np.int64)
    if (right < 1).any():
        return None
    term = (1 << (right - 1)) + (node.result.codes.zero_point << right)
    reach = (np.maximum(-low, high) * 2 * multiplier >> 32) + 2
    if (reach + np.abs(term) > INT32_MAX).any():
        return None
    return LaneRequantization("exact", multiplier, term, right)


def _high_word(acc: IntArray, multiplier: IntArray) -> IntArray:
    product: IntArray = (acc << 8) * multiplier[:, None] >> 32
    return product


def _lanes_word(lower: IntArray, upper: IntArray) -> IntArray:
    return wrap_int32((lower & 0xFFFF) | (upper & 0xFFFF) << 16)


def _stream(node: Convolution, packed: IntArray, requantization: LaneRequantization) -> IntArray:
    """Return all constants in the order in which they are used."""
    blocks = len(packed)
    bias = np.zeros(blocks * BLOCK, np.int64)
    bias[: node.outputs] = folded_bias(node)
    multiplier, term, shift = np.zeros((3, blocks * BLOCK), np.int64)
    for filled, given in (
        (multiplier, requantization.multiplier),
        (term, requantization.term),
        (shift, requantization.shift),
    ):
        filled[: node.outputs] = given
    first, second = bias[0::2], bias[1::2]
    sums = np.stack([256 * first + second, second], -1).reshape(blocks, -1)
    weights = packed.transpose(0, 2, 1).reshape(blocks, -1)
    shifts = shift[0::2] | shift[1::2] << 8
    two = np.stack([multiplier[0::2], term[0::2], shifts, multiplier[1::2], term[1::2]], -1)
    return wrap_int32(np.concatenate([sums, weights, two.reshape(blocks, -1)], axis=1)).ravel()
