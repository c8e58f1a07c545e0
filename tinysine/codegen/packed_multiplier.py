"""A multiplier and its shift in one word: proved to give the same codes as the whole multiplier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.code_steps import find_code_steps
from tinysine.graph import FullyConnected, accumulator_bounds
from tinysine.quantization import IntArray, Rounding, requantize

# In units of the low byte, how far the upper 24 bits may move, nearest first.
_MOVES = (0, 1, -1, 2, -2, 3, -3)


def pack_multipliers(
    layer: FullyConnected, shifts: NDArray[np.int32], rounding: Rounding
) -> NDArray[np.int32] | None:
    """Put each row's shift in the low byte of its multiplier, which is then used as it stands, low byte and all.

    Args:
        layer: its multipliers proved for the rounding.
        shifts: int32 [outputs], in [0, 255]: what the low bytes are to hold.
        rounding: which reference the codes equal.
    Returns:
        int32 [outputs], or None when some row has no such word that gives the same code for every accumulator.
    """
    first, levels = _steps(layer, rounding)
    low, high = (bound[:, None] for bound in accumulator_bounds(layer))
    packed = np.zeros(layer.outputs, np.int32)
    missing = np.ones(layer.outputs, bool)
    for move in _MOVES:
        word = (layer.multiplier.astype(np.int64) & ~0xFF) + (move << 8) | shifts
        usable = missing & (word > 0) & (word < 2**31)
        if not usable.any():
            continue
        rows = np.flatnonzero(usable)
        # Both are monotone: equal on both sides of each step, they are equal everywhere.
        at = _scaled(layer, word, rows, np.minimum(first, high)[rows], rounding) >= levels
        before = _scaled(layer, word, rows, np.maximum(first - 1, low)[rows], rounding) < levels
        equal = ((at | (first > high)[rows]) & (before | (first <= low)[rows])).all(axis=1)
        packed[rows[equal]] = word[rows[equal]]
        missing[rows[equal]] = False
    return None if missing.any() else packed


def _steps(layer: FullyConnected, rounding: Rounding) -> tuple[IntArray, IntArray]:
    """For each output and each code above its least: the first accumulator that reaches it."""
    levels = np.arange(layer.clamp_min + 1, layer.clamp_max + 1, dtype=np.int64) - layer.output.zero_point
    steps = find_code_steps(
        *accumulator_bounds(layer),
        levels,
        lambda rows, acc: _scaled(layer, layer.multiplier, rows, acc, rounding),
    )
    return steps.first, steps.levels


def _scaled(
    layer: FullyConnected, multiplier: IntArray, rows: NDArray[np.intp], acc: IntArray, rounding: Rounding
) -> IntArray:
    return requantize(acc.T, multiplier[rows], layer.shift[rows], rounding).T
