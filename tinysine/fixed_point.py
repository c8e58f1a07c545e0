"""The functions of gemmlowp's fixed-point library that the references compute softmax, logistic and tanh with.

A number with n integer bits is an int32 that stands for itself times 2**(n - 31). Arrays are int64 here and hold
int32 values, for no step leaves int32. Checked against both references in unit_tests/oracles.
"""

from __future__ import annotations

import math

import numpy as np

from tinysine.quantization import IntArray

ONE = 2**31 - 1  # as near to 1 as a number without integer bits comes
_ONE_THIRD = 715827883
_EXP_OF_MINUS_EIGHTH = 1895147668
# exp(-2**k) without integer bits, for k from -2 to 4.
_EXP_OF_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
# 48 / 17 and -32 / 17 with two integer bits: the best first guess of a reciprocal that is linear.
_GUESS_AT_ZERO, _GUESS_SLOPE = 1515870810, -1010580540


def split_multiplier(real: float) -> tuple[int, int]:
    """Split a positive real multiplier into a Q31 mantissa and a power of two, without any limit of the latter.

    Args:
        real: finite, more than 0.
    Returns:
        (multiplier, shift): real ~= multiplier * 2**(shift - 31), where multiplier is in [2**30, 2**31).
    """
    mantissa, shift = math.frexp(real)
    multiplier = math.floor(mantissa * 2.0**31 + 0.5)
    return (1 << 30, shift + 1) if multiplier == 1 << 31 else (multiplier, shift)


def high_product(a: IntArray, b: IntArray | int) -> IntArray:
    """Multiply two numbers; the product has the integer bits of both. Halves go up."""
    product: IntArray = (a * np.int64(b) + np.int64(1 << 30)) >> np.int64(31)
    return product


def rounding_shift(values: IntArray, bits: IntArray | int) -> IntArray:
    """Divide by 2**bits, halves away from zero."""
    bits = np.asarray(bits, np.int64)
    half = (np.int64(1) << bits) >> 1
    shifted: IntArray = np.where(bits == 0, values, (values + half - (values < 0)) >> bits)
    return shifted


def saturating_shift(values: IntArray, bits: int) -> IntArray:
    """Multiply by 2**bits, held within int32."""
    shifted: IntArray = np.clip(values << np.int64(bits), -(2**31), ONE)
    return shifted


def exp_of_negative(a: IntArray, integer_bits: int) -> IntArray:
    """Return exp(a).

    Args:
        a: 0 or less, with up to 5 integer bits.
        integer_bits: of a.
    Returns:
        Without integer bits; ONE for 0.
    """
    fraction_bits = 31 - integer_bits
    quarter = np.int64(1) << (fraction_bits - 2)
    within = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    result = _exp_of_quarter(saturating_shift(within, integer_bits))
    rest = within - a
    for power, factor in enumerate(_EXP_OF_MINUS_POWERS, start=-2):
        if power < integer_bits:
            wanted = rest & (np.int64(1) << (fraction_bits + power))
            result = np.where(wanted != 0, high_product(result, factor), result)
    exp: IntArray = np.where(a == 0, ONE, result)
    return exp


def reciprocal_of_one_plus(a: IntArray) -> IntArray:
    """Return 1 / (1 + a), for a in [0, 1]; neither has integer bits."""
    return saturating_shift(_reciprocal_of_half(a), 1)


def one_minus_over_one_plus(a: IntArray) -> IntArray:
    """Return (1 - a) / (1 + a), for a in [0, 1]; neither has integer bits."""
    return saturating_shift(_reciprocal_of_half(a) - (1 << 29), 2)


def logistic(a: IntArray, integer_bits: int) -> IntArray:
    """Return 1 / (1 + exp(-a)), without integer bits."""
    above = reciprocal_of_one_plus(exp_of_negative(-np.abs(a), integer_bits))
    result: IntArray = np.select([a == 0, a > 0], [1 << 30, above], ONE - above)
    return result


def tanh(a: IntArray, integer_bits: int) -> IntArray:
    """Return tanh(a), without integer bits."""
    above = one_minus_over_one_plus(exp_of_negative(-np.abs(a), integer_bits + 1))
    result: IntArray = np.sign(a) * above
    return result


def _exp_of_quarter(a: IntArray) -> IntArray:
    """exp(a) for a in [-1/4, 0), by the Taylor series around -1/8."""
    x = a + (1 << 28)
    square = high_product(x, x)
    cube = high_product(square, x)
    fourth = rounding_shift(high_product(square, square), 2)
    rest = rounding_shift(high_product(fourth + cube, _ONE_THIRD) + square, 1)
    return _EXP_OF_MINUS_EIGHTH + high_product(x + rest, _EXP_OF_MINUS_EIGHTH)


def _reciprocal_of_half(a: IntArray) -> IntArray:
    """2 / (1 + a), with two integer bits: three steps of Newton's method."""
    half = (a + (1 << 31)) >> 1
    x = _GUESS_AT_ZERO + high_product(half, _GUESS_SLOPE)
    for _ in range(3):
        x = x + saturating_shift(high_product(x, (1 << 29) - high_product(half, x)), 2)
    return x
