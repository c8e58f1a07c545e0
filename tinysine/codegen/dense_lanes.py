"""Tables of firmware/engine/dense_lanes.h: a dense layer, two rows of weights in a lane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.codegen.weight_lanes import LANE_SUM, pack_lanes
from tinysine.graph import FullyConnected, accumulator_bounds
from tinysine.quantization import INT32_MAX, IntArray, Rounding, wrap_int32

BLOCK = 8  # outputs at a time
_MAX_SHIFT = 31


@dataclass(frozen=True, eq=False)
class DenseLanes:
    """Data that the kernel needs of a layer, proved exact for every input.

    Attributes:
        pairs: int64 [pairs of rows, words of inputs], as of `pack_lanes`.
        multiplier, term, shift: int64 [outputs] each.
        base: the code that is stored as 0 before it is flipped.
    """

    pairs: IntArray
    multiplier: IntArray
    term: IntArray
    shift: IntArray
    base: int


def find_lanes(layer: FullyConnected, *, rounding: Rounding, output_offset: int) -> DenseLanes | str:
    """Return the kernel's tables, or the reason for which it cannot be used.

    Args:
        layer: with multipliers proved for the rounding.
        rounding: which reference the answers equal.
        output_offset: a code is stored less this; 0 for int8 as it is.
    """
    low, high = accumulator_bounds(layer)
    reach = np.maximum(-low, high)
    if (reach >= LANE_SUM).any():
        return "a sum may reach 2**23"
    pairs = pack_lanes(layer.weights, block=BLOCK)
    if pairs is None:
        return "a weight of -128 stands above a negative one"
    base = -128 if output_offset == 0 else output_offset
    offset = layer.output.zero_point - base
    multiplier, shift = layer.multiplier.astype(np.int64), layer.shift.astype(np.int64)
    single = rounding is Rounding.LITERT
    # Of the high word of a sum times 256, or of a doubled one.
    right = 7 - shift if single else -shift
    if (right < 1).any() or (right > _MAX_SHIFT).any():
        return "a shift is out of reach"
    term = (1 << (right - 1)) + (offset << right)
    if ((reach * (256 if single else 2) * multiplier >> 32) + 2 + np.abs(term) > INT32_MAX).any():
        return "a scaled sum leaves int32"
    return DenseLanes(pairs, multiplier, term, right, base)


def lane_words(lanes: DenseLanes, bias: IntArray) -> list[int]:
    """Return all constants in the order in which they are used.

    Args:
        lanes: of the layer.
        bias: [outputs], with zero points folded in.
    """
    blocks = len(lanes.pairs) // (BLOCK // 2)
    filled = np.zeros((4, blocks * BLOCK), np.int64)
    for row, given in zip(filled, (bias, lanes.multiplier, lanes.term, lanes.shift), strict=True):
        row[: len(given)] = given
    first, second = filled[:, 0::2], filled[:, 1::2]
    sums = np.stack([256 * first[0] + second[0], second[0]], -1)
    weights = lanes.pairs.reshape(blocks, BLOCK // 2, -1).transpose(0, 2, 1)
    both = [first[1], first[2], first[3] | second[3] << 8, second[1], second[2]]
    parts = (sums, weights, np.stack(both, -1))
    stream = np.concatenate([part.reshape(blocks, -1) for part in parts], axis=1)
    return [int(value) for value in wrap_int32(stream).flat]


def scratch_bytes(layer: FullyConnected) -> int:
    """Return the memory that the kernel needs while it runs: the inputs, widened."""
    return 2 * (-(-layer.inputs // 4) * 4)


def lanes_cycles(layer: FullyConnected) -> float:
    """Estimate the cycles of a Cortex-M4 for one inference, from what random layers were measured to take."""
    fours = -(-layer.inputs // 4)
    mains, rest = divmod(layer.inputs, 32)
    block = 37 * fours + 5.6 * (mains + -(-rest // 4)) + 105
    return 60 + 11 * fours + block * -(-layer.outputs // BLOCK)


def wide_cycles(layer: FullyConnected) -> float:
    """Estimate the same for wide.h."""
    eights, rest = divmod(layer.inputs, 8)
    blocks, rows = divmod(layer.outputs, 4)
    tail = -(-rest // 4)
    return 60 + blocks * (48 * eights + 160 * tail + 80) + rows * (20 * (2 * eights + tail) + 40)
