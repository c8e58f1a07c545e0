"""The short requantisation of sums that stand times 256 or so, firmware/engine/scaled.h, proved to be two roundings."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.code_steps import find_code_steps
from tinysine.graph.convolution import Convolution
from tinysine.quantization import INT32_MAX, IntArray, requantize_double, wrap_int32

SCALE = 256  # of weights and sums, in most kernels
SHIFT = 12  # right, of the high word: fixed in the instructions
MAX_SUM = 2**31 - 2**14  # that stands times its scale, with room for the moves of the bias within int32
_MOVES = np.arange(-2048, 2048, dtype=np.int64)  # of a bias that stands times the scale
_MULTIPLIERS = (
    0,
    *(sign * i for i in range(1, 40) for sign in (1, -1)),
)  # around the exact one, nearest first
_LEVELS = np.arange(-127, 128, dtype=np.int64)  # codes above the least


@dataclass(frozen=True)
class ChannelSum:
    """Requantisation of one channel, by kernels that clamp its codes afterwards and know the sign of a sum.

    Attributes:
        kind: "short", as in scaled.h; "signed", the same with a smaller term where the sum is negative, for the
            references' second rounding takes halves away from zero; "exact", the reference's own steps.
        bias: int32, with the input's zero point folded in, times the scale.
        multiplier, term: as in scaled.h; of "exact", the reference's own, and its second half with the zero point.
        last: "signed": how much smaller the term is, not negative; "exact": the shift; else 0.
    """

    kind: Literal["short", "signed", "exact"]
    bias: int
    multiplier: int
    term: int
    last: int = 0


@dataclass(frozen=True)
class ScaledSum:
    """Requantisation of one channel: its bias, and the fields of `struct ts_scaled_sum`.

    Attributes:
        bias: int32, with the input's zero point folded in, times the scale.
        multiplier, term: as in scaled.h; of the long form, the node's own multiplier and 0.
        right_shift: 0 for the short form, else of `ts_requantize_double`.
    """

    bias: int
    multiplier: int
    term: int
    right_shift: int

    @property
    def short(self) -> bool:
        """Tell whether one multiplication and one shift are exact."""
        return self.right_shift == 0

    @property
    def initialiser(self) -> str:
        """In C."""
        return f"{{{self.multiplier}, {self.term}, {self.right_shift}}}"


def scaled_sums(node: Convolution, scale: int = SCALE) -> tuple[ScaledSum, ...] | None:
    """Find the requantisation of each output channel.

    Args:
        node: the convolution.
        scale: what its sums are multiplied by.
    Returns:
        one for each, or None where a sum times the scale could leave int32.
    """
    low, high = node.bounds
    if scale * max(-low.min(), high.max()) > MAX_SUM:
        return None
    folded, first = node.folded_bias, _first_sums(node, _LEVELS)
    shorts = [
        _find(node, channel, first[channel], _LEVELS, scale=scale, moves=_MOVES, drop=0)
        for channel in range(node.outputs)
    ]
    moves = np.array([0 if short is None else short[0] for short in shorts], np.int64)
    biases = wrap_int32(folded * scale + moves)  # sums on their way may wrap, the whole of them does not
    found = []
    for channel, short in enumerate(shorts):
        bias = int(biases[channel])
        if short is None:
            multiplier, shift = int(node.multiplier[channel]), int(node.shift[channel])
            found.append(ScaledSum(bias, multiplier, 0, 31 - shift))
        else:
            _, multiplier, term = short
            found.append(ScaledSum(bias, multiplier, term, 0))
    return tuple(found)


def channel_sums(node: Convolution, scale: int) -> tuple[ChannelSum, ...] | None:
    """Find the shortest requantisation of each output channel, whose codes are clamped afterwards.

    Args:
        node: the convolution.
        scale: what its sums are multiplied by.
    Returns:
        one for each, or None where a sum times the scale could leave int32, or a word of the exact one.
    """
    low, high = node.bounds
    if scale * max(-low.min(), high.max()) > MAX_SUM:
        return None
    levels = np.arange(node.clamp_min + 1, node.clamp_max + 1, dtype=np.int64)
    folded, first, exact = node.folded_bias, _first_sums(node, levels), exact_sums(node)
    found = []
    for channel in range(node.outputs):
        drop = round(2.0 ** (SHIFT + int(node.shift[channel])))  # a unit of the first rounding's outcome
        search = functools.partial(_find, node, channel, first[channel], levels, scale=scale)
        kind: Literal["short", "signed"]
        # A move of less than one sum keeps the sign.
        for kind, moves, last in (("short", _MOVES, 0), ("signed", np.arange(scale), drop)):
            if (constants := search(moves=moves, drop=last)) is not None:
                move, multiplier, term = constants
                bias = int(wrap_int32(folded[channel] * scale + move))
                found.append(ChannelSum(kind, bias, multiplier, term, last))
                break
        else:
            if exact is None:
                return None
            bias = int(wrap_int32(folded[channel] * scale))
            found.append(ChannelSum("exact", bias, *(int(part[channel]) for part in exact)))
    return tuple(found)


def _first_sums(node: Convolution, levels: IntArray) -> IntArray:
    """Find the first sum of each channel that reaches each code; int64 [outputs, levels]."""
    return find_code_steps(*node.bounds, levels, lambda _rows, sums: _codes(node, sums)).first


def _find(
    node: Convolution,
    channel: int,
    first: IntArray,
    levels: IntArray,
    *,
    scale: int,
    moves: IntArray,
    drop: int,
) -> tuple[int, int, int] | None:
    """Find a move of the bias, multiplier and term that give the same code for every sum, or None.

    A code j is reached where (scale * sum + move) * multiplier + term * 2**32 is at least j * 2**44; where the sum is
    negative, the term is less by `drop`. Both sides are monotone: equal on both sides of each step, they are equal
    everywhere.
    """
    low, high = (int(bound[channel]) for bound in node.bounds)
    shift = int(node.shift[channel])
    exact = int(node.multiplier[channel]) * 2.0 ** (shift + 32 + SHIFT - 31) / scale
    reached, missed = first <= high, first > low
    goals = levels << (32 + SHIFT)
    goals_at, goals_before = (goals + ((sums < 0) * drop << 32) for sums in (first, first - 1))
    reach = scale * max(-low, high) + int(moves[-1])
    for nearby in _MULTIPLIERS:
        multiplier = round(exact) + nearby
        if not 0 < multiplier < 2**31:
            return None
        least = int((goals_at - scale * first * multiplier)[reached].max(initial=-(2**62)))
        most = int((goals_before - scale * (first - 1) * multiplier)[missed].min(initial=2**62)) - 1
        if least > most:
            continue
        added = moves * multiplier
        terms = -((added - least) >> 32)  # rounded up
        possible = np.flatnonzero(terms <= (most - added) >> 32)
        for i in possible[np.argsort(np.abs(moves[possible]))][:1]:
            term = int(terms[i])
            if (reach * multiplier >> 32) + abs(term) + drop + 1 < 2**31:
                return int(moves[i]), multiplier, term
    return None


def exact_sums(node: Convolution) -> tuple[IntArray, IntArray, IntArray] | None:
    """Return what the reference's own steps take of twice the sum of each channel: multiplier, term and shift.

    The term holds the half of the second rounding, and the zero point.

    Returns:
        int64 [outputs] each, or None where a word overflows.
    """
    low, high = node.bounds
    multiplier, right = node.multiplier.astype(np.int64), -node.shift.astype(np.int64)
    if (right < 1).any():
        return None
    term = (1 << (right - 1)) + (node.result.codes.zero_point << right)
    reach = (np.maximum(-low, high) * 2 * multiplier >> 32) + 2
    return None if (reach + np.abs(term) > INT32_MAX).any() else (multiplier, term, right)


def _codes(node: Convolution, sums: NDArray[np.int64]) -> IntArray:
    """int64 [outputs, n], as the references compute them."""
    scaled = requantize_double(sums.T, node.multiplier, node.shift).T + node.result.codes.zero_point
    return np.clip(scaled, node.clamp_min, node.clamp_max)
