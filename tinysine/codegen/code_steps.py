"""Steps of a requantisation's codes: two that agree on both sides of each step agree everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import IntArray

Scaled = Callable[[NDArray[np.intp], IntArray], IntArray]
"""(rows [n], accumulators int64 [n, k] of each) -> what they are scaled to, before the zero point; monotone."""


@dataclass(frozen=True, eq=False)
class CodeSteps:
    """The steps of some channels over their accumulators.

    Attributes:
        low, high: int64 [channels], the least and the greatest accumulator.
        levels: int64 [1, k], scaled values above the least that is told apart.
        first: int64 [channels, k], the first accumulator that reaches each level; high + 1 where none does.
    """

    low: IntArray
    high: IntArray
    levels: IntArray
    first: IntArray


def find_code_steps(low: IntArray, high: IntArray, levels: IntArray, scaled: Scaled) -> CodeSteps:
    """Find, by bisection, where each channel reaches each level.

    Args:
        low, high: int64 [channels], least and greatest accumulator.
        levels: int64 [k], rising.
        scaled: the reference's requantisation.
    """
    rows = np.arange(len(low))
    below = np.repeat(low[:, None] - 1, levels.size, axis=1)  # does not reach the level, or is not there
    reached = np.repeat(high[:, None] + 1, levels.size, axis=1)  # reaches it, or is not there
    while (reached - below > 1).any():
        middle = (below + reached) >> 1
        inside = np.clip(middle, low[:, None], high[:, None])
        reaches = scaled(rows, inside) >= levels[None, :]
        open_ = reached - below > 1
        reached = np.where(open_ & reaches, middle, reached)
        below = np.where(open_ & ~reaches, middle, below)
    return CodeSteps(low, high, levels[None, :], reached)
