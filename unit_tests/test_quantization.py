"""The arithmetic, against definitions written out with Python's own exact numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinysine.quantization import (
    Quantization,
    dequantize,
    quantize,
    quantize_multipliers,
    requantize_double,
    requantize_float64,
    requantize_single,
    wrap_int32,
)

int32 = st.integers(-(2**31), 2**31 - 1)
multipliers = st.just(0) | st.integers(2**30, 2**31 - 1)
shifts = st.integers(-31, 30)
reals = st.floats(min_value=2.0**-140, max_value=2.0**140, allow_nan=False)
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
scales = st.floats(width=32, min_value=2.0**-126, max_value=2.0**100)


def _round_half_away(x: Fraction) -> int:
    whole = math.floor(abs(x) + Fraction(1, 2))
    return whole if x >= 0 else -whole


def _multiplier(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multipliers(np.array([real], np.float64))
    return int(multiplier[0]), int(shift[0])


def _one(function: object, acc: int, multiplier: int, shift: int) -> int:
    arrays = [np.array([v], t) for v, t in ((acc, np.int64), (multiplier, np.int32), (shift, np.int32))]
    return int(function(*arrays)[0])  # type: ignore[operator]


@given(reals)
def test_quantize_multiplier_is_nearest(real: float) -> None:
    """The mantissa is the nearest of 31 bits, halves up; beyond the shifts that exist it saturates."""
    multiplier, shift = _multiplier(real)
    if multiplier == 0:
        assert shift == 0
        assert real < 2.0**-32
    elif (multiplier, shift) == (2**31 - 1, 30):
        assert real >= 2.0**30 * (1 - 2.0**-32)
    else:
        assert 2**30 <= multiplier < 2**31
        scaled = Fraction(real) / Fraction(2) ** (shift - 31)
        assert multiplier in {_round_half_away(scaled), 2**30}
        assert abs(scaled - multiplier) <= Fraction(1, 2)


def test_quantize_multiplier_of_zero() -> None:
    """Nothing times anything is nothing, with the shift that TensorFlow Lite gives it."""
    assert _multiplier(0.0) == (0, 0)


def test_quantize_multiplier_carries() -> None:
    """A mantissa that rounds up to 2**31 becomes 2**30 with the next shift."""
    assert _multiplier(1.0 - 2.0**-40) == (2**30, 1)


@given(st.lists(reals, min_size=1, max_size=20))
def test_quantize_multipliers_equals_one_at_a_time(many: list[float]) -> None:
    """Splitting an array splits each element."""
    multiplier, shift = quantize_multipliers(np.array(many))
    expected = [_multiplier(real) for real in many]
    assert list(zip(multiplier.tolist(), shift.tolist(), strict=True)) == expected


@given(int32, multipliers, shifts)
def test_requantize_single_rounds_once_halves_up(acc: int, multiplier: int, shift: int) -> None:
    """The exact product is rounded once, halves up."""
    exact = Fraction(acc * multiplier) / 2 ** (31 - shift)
    assert _one(requantize_single, acc, multiplier, shift) == math.floor(exact + Fraction(1, 2))


@given(int32, multipliers, shifts)
def test_requantize_double_follows_the_kernel(acc: int, multiplier: int, shift: int) -> None:
    """Shift left in 32 bits, high multiply as gemmlowp writes it, then round halves away from zero."""
    shifted = (acc << max(shift, 0)) & 0xFFFFFFFF
    shifted -= 2**32 if shifted >= 2**31 else 0
    product = shifted * multiplier
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)  # C truncates
    expected = _round_half_away(Fraction(high, 2 ** max(-shift, 0)))
    assert _one(requantize_double, acc, multiplier, shift) == expected


@given(int32, st.floats(min_value=2.0**-60, max_value=2.0**20))
def test_requantize_float64_rounds_the_product_half_away(acc: int, real: float) -> None:
    """One float64 product, rounded half away from zero without a second rounding on the way."""
    got = requantize_float64(np.array([acc], np.int64), np.array([real]))
    assert int(got[0]) == _round_half_away(Fraction(float(acc) * real))


def test_requantize_float64_does_not_round_up_from_below_a_half() -> None:
    """The float64 just below a half rounds to zero, though adding a half to it makes one."""
    below = np.nextafter(0.5, 0)
    assert int(requantize_float64(np.array([1], np.int64), np.array([below]))[0]) == 0


@given(st.integers(-(2**62), 2**62))
def test_wrap_int32_keeps_the_low_bits(value: int) -> None:
    """The result is in range and congruent modulo 2**32."""
    wrapped = int(wrap_int32(np.array([value], np.int64))[0])
    assert -(2**31) <= wrapped < 2**31
    assert (wrapped - value) % 2**32 == 0


@given(float32s, scales, st.integers(-128, 127))
def test_quantize_is_the_nearest_code(x: float, scale: float, zero_point: int) -> None:
    """Divide in float32, round half away from zero, add the zero point, clamp: also far beyond the range."""
    q = Quantization(scale, zero_point)
    with np.errstate(over="ignore"):
        quotient = float(np.float32(x) / np.float32(scale))
    if math.isinf(quotient):
        expected = 127 if quotient > 0 else -128
    else:
        expected = min(max(_round_half_away(Fraction(quotient)) + zero_point, -128), 127)
    assert int(quantize(np.array([x], np.float32), q, np.dtype(np.int8))[0]) == expected


@given(scales, st.integers(-128, 127))
def test_every_code_survives_the_way_there_and_back(scale: float, zero_point: int) -> None:
    """Dequantising and quantising again gives every one of the 256 codes back."""
    q = Quantization(float(np.float32(scale)), zero_point)
    codes = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(quantize(dequantize(codes, q), q, np.dtype(np.int8)), codes)


@given(scales, st.integers(-128, 127))
def test_uint8_is_int8_moved_by_128(scale: float, zero_point: int) -> None:
    """The same real values get uint8 codes 128 above their int8 codes."""
    x = (np.linspace(-300, 300, 77) * scale).astype(np.float32)
    signed = quantize(x, Quantization(scale, zero_point), np.dtype(np.int8))
    unsigned = quantize(x, Quantization(scale, zero_point + 128), np.dtype(np.uint8))
    np.testing.assert_array_equal(unsigned.astype(int) - 128, signed)
