"""Convolutions as products of matrices on cores with dual multiply-accumulates: firmware/engine/lanes.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.code_steps import find_code_steps
from tinysine.codegen.steps import Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution
from tinysine.quantization import IntArray, requantize_double

INT32_MAX = 2**31 - 1
BLOCK = 4  # output channels at a time
LANE_SUM = 1 << 23  # below which 256 times a sum fits int32
# In units of the low byte, how far the upper 24 bits of a multiplier may move, nearest first.
_MOVES = (0, 1, -1, 2, -2, 3, -3, 4, -4)


@dataclass(frozen=True, eq=False)
class LaneRequantization:
    """How the sums of all channels become codes; see firmware/engine/lanes.h.

    Attributes:
        kind: "fast" or "exact".
        words: int64 [outputs, 2 or 3], what stands in the stream for each channel.
    """

    kind: Literal["fast", "exact"]
    words: IntArray


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
        constant_bytes=4 * stream.size + 44,
        scratch_bytes=4 * taps + windows + -(-channels // 4) * 4,
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
    """Find a multiplier, with the shift as its low byte, and a term for each channel; None where there is none.

    What a channel's sum, times 256, is scaled to by them is proved equal to the reference on both sides of each step
    between two codes; both are monotone.
    """
    low, high = node.bounds
    zero_point = node.result.codes.zero_point
    steps = find_code_steps(
        low,
        high,
        np.arange(node.clamp_min + 1, node.clamp_max + 1, dtype=np.int64) - zero_point,
        lambda rows, acc: requantize_double(acc.T, node.multiplier[rows], node.shift[rows]).T,
    )
    shift = 7 - node.shift.astype(np.int64)[:, None]
    if (shift < 0).any() or (shift > 22).any():  # beyond 22 the zero point leaves int32
        return None
    reaching = steps.first <= high[:, None]
    crossing = steps.first > low[:, None]
    goal = (steps.levels + zero_point) << shift
    found = np.zeros((node.outputs, 2), np.int64)
    missing = np.ones(node.outputs, bool)
    for move in _MOVES:
        multiplier = ((node.multiplier.astype(np.int64)[:, None] & ~0xFF) + (move << 8)) | shift
        at = _high_word(np.minimum(steps.first, high[:, None]), multiplier)
        before = _high_word(np.maximum(steps.first - 1, low[:, None]), multiplier)
        least = np.where(reaching, goal - at, -INT32_MAX).max(axis=1, initial=-INT32_MAX)
        most = np.where(crossing, goal - 1 - before, INT32_MAX).min(axis=1, initial=INT32_MAX)
        term = np.where(
            (least == -INT32_MAX) | (most == INT32_MAX), _within(least, most), (least + most) // 2
        )
        ends = [_high_word(end[:, None], multiplier)[:, 0] + term for end in (low, high)]
        proved = (least <= most) & (multiplier[:, 0] > 0) & (multiplier[:, 0] <= INT32_MAX)
        proved &= (np.abs(ends) <= INT32_MAX).all(axis=0) & missing
        found[proved] = np.stack([multiplier[:, 0], term], -1)[proved]
        missing &= ~proved
    return None if missing.any() else LaneRequantization("fast", found)


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
    return LaneRequantization("exact", np.stack([multiplier, term, right], -1))


def _high_word(acc: IntArray, multiplier: IntArray) -> IntArray:
    product: IntArray = (acc << 8) * multiplier >> 32
    return product


def _within(least: IntArray, most: IntArray) -> IntArray:
    """Return the term nearest to zero that both bounds allow."""
    nearest: IntArray = np.clip(0, least, np.maximum(least, most))
    return nearest


def _lanes_word(lower: IntArray, upper: IntArray) -> IntArray:
    return _signed((lower & 0xFFFF) | (upper & 0xFFFF) << 16)


def _signed(value: IntArray) -> IntArray:
    """Wrap to int32."""
    wrapped: IntArray = (value + 2**31) % 2**32 - 2**31
    return wrapped


def _stream(node: Convolution, packed: IntArray, requantization: LaneRequantization) -> IntArray:
    """Return all constants in the order in which they are used."""
    blocks = len(packed)
    zero_points = node.source.codes.zero_point * node.weights.reshape(node.outputs, -1).sum(
        axis=1, dtype=np.int64
    )
    bias = np.zeros(blocks * BLOCK, np.int64)
    bias[: node.outputs] = node.bias - zero_points
    words = np.zeros((blocks * BLOCK, requantization.words.shape[1]), np.int64)
    words[: node.outputs] = requantization.words
    first, second = bias[0::2], bias[1::2]
    sums = np.stack([256 * first + second, second], -1).reshape(blocks, -1)
    weights = packed.transpose(0, 2, 1).reshape(blocks, -1)
    return _signed(np.concatenate([sums, weights, words.reshape(blocks, -1)], axis=1)).ravel()
