"""ADD and SUB as one linear form of both codes, proved to equal the reference for every pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.sums import Sum
from tinysine.quantization import INT32_MAX, IntArray, Rounding, requantize_double

BITS = 20  # as TS_LINEAR_BITS of firmware/engine/add.h
_NEAR = 4  # how far from the real factors integers are tried


@dataclass(frozen=True)
class LinearSum:
    """The result is (bias + first * code + second * code) >> BITS, clamped.

    Attributes:
        bias: int32.
        factors: of the first and of the second operand, int32.
    """

    bias: int
    factors: tuple[int, int]


def linear_sum(node: Sum, rounding: Rounding) -> LinearSum | None:
    """Find a linear form that gives the reference's code for all pairs of codes.

    Args:
        node: the sum.
        rounding: which reference.
    Returns:
        None where there is none near the real factors, or it could leave int32.
    """
    codes = [_codes(node, position) for position in (0, 1)]
    wanted = _wanted(node, codes, rounding)
    one, other, result = node.scales
    real = (one / result * 2**BITS, node.sign * other / result * 2**BITS)
    if max(map(abs, real)) * 256 > INT32_MAX:
        return None
    near = [(round(real[0]) + first, round(real[1]) + second) for first in _around() for second in _around()]
    near.sort(key=lambda factors: abs(factors[0] - real[0]) + abs(factors[1] - real[1]))
    for factors in near:
        products = codes[0][:, None] * factors[0] + codes[1] * factors[1]
        # So that the shift gives the wanted code; a clamped side is free.
        least = np.where(wanted > node.clamp_min, (wanted << BITS) - products, -INT32_MAX).max()
        most = np.where(wanted < node.clamp_max, ((wanted + 1) << BITS) - 1 - products, INT32_MAX).min()
        if least > most:
            continue
        bias = (int(least) + int(most)) // 2
        # Partial sums: with either operand, or both.
        reach = abs(bias) + 128 * (abs(factors[0]) + abs(factors[1]))
        return LinearSum(bias, factors) if reach <= INT32_MAX else None
    return None


def _around() -> range:
    return range(-_NEAR, _NEAR + 1)


def _codes(node: Sum, position: int) -> IntArray:
    """All codes that an operand can have; int64 [n]."""
    constant = node.operands[position].constant
    return np.arange(-128, 128) if constant is None else np.unique(constant).astype(np.int64)


def _wanted(node: Sum, codes: list[IntArray], rounding: Rounding) -> IntArray:
    """The reference's code for each pair, int64 [first, second]."""
    total = node.scaled(0, codes[0], rounding)[:, None] + node.scaled(1, codes[1], rounding)
    multiplier, shift = (part[2] for part in node.multipliers(rounding))
    scaled = requantize_double(total, multiplier, shift)
    wanted: IntArray = np.clip(scaled + node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    return wanted
