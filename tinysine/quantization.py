"""The arithmetic of int8 quantisation, once: scale, zero point, multiplier, rounding.

Everything here is exact on integers and states which implementation it reproduces. Source of the scheme:
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(2018), and the TensorFlow Lite 8-bit quantisation specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.signedinteger[Any]]
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class Rounding(StrEnum):
    """Arithmetic of a reference: each of these gives its own answers, and all are called "TFLite"."""

    LITERT = "litert"  # LiteRT's BUILTIN_REF: dense layers round once
    TFLM = "tflm"  # TensorFlow Lite Micro and CMSIS-NN: they round twice
    # TensorFlow Lite Micro as it is built for a device: it multiplies the scales of the input and of per-tensor weights
    # of a dense layer in float32; its Python package, which TFLM is, in float64. All else is as in TFLM.
    TFLM_FLOAT32 = "tflm-float32"

    @property
    def kernels(self) -> Rounding:
        """LITERT or TFLM: whose kernels have these answers, once the multipliers are made."""
        return Rounding.LITERT if self is Rounding.LITERT else Rounding.TFLM


# Those that an interpreter on this computer answers as.
INTERPRETED = (Rounding.LITERT, Rounding.TFLM)


@dataclass(frozen=True)
class Quantization:
    """real = scale * (code - zero_point)."""

    scale: float
    zero_point: int


def quantize(x: NDArray[np.floating[Any]], q: Quantization, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Turn real values into codes: divide in float32, round half away from zero, add the zero point, clamp.

    Args:
        x: float32 [...], finite.
        q: scale and zero point of the tensor.
        dtype: np.int8 or np.uint8.
    Returns:
        dtype [...].
    Source:
        AffineQuantize of the LiteRT reference kernels, checked against BUILTIN_REF in unit_tests/oracles.
    """
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):  # a quotient beyond float32 is infinite, and clamps like any other
        scaled = np.asarray(x, np.float32) / np.float32(q.scale)
    # Far beyond every code, so that it clamps the same; an infinity has no fraction to round.
    rounded = _round_half_away(np.clip(scaled, -(2.0**20), 2.0**20).astype(np.float64))
    codes: NDArray[Any] = np.clip(rounded + q.zero_point, limits.min, limits.max).astype(dtype)
    return codes


def dequantize(codes: NDArray[Any], q: Quantization) -> NDArray[np.float32]:
    """Turn codes into the real values they stand for.

    Args:
        codes: int8 or uint8 [...].
        q: scale and zero point of the tensor.
    Returns:
        float32 [...].
    """
    return (np.float32(q.scale) * (codes.astype(np.int32) - q.zero_point).astype(np.float32)).astype(
        np.float32
    )


def quantize_multipliers(real: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split positive real multipliers into Q31 mantissas and powers of two.

    Args:
        real: float64 [channels], zero or more, finite: input_scale * weight_scale / output_scale.
    Returns:
        (multiplier, shift), int32 [channels] each: real ~= multiplier * 2**(shift - 31), where multiplier is in
        [2**30, 2**31), or both are 0.
    Source:
        QuantizeMultiplier of TensorFlow Lite: frexp, mantissa rounded half away from zero.
    """
    mantissa, shift = np.frexp(real)
    # At most 53 significant bits, so the sum is exact and the floor rounds halves up.
    multiplier = np.floor(mantissa * 2.0**31 + 0.5).astype(np.int64)
    carried = multiplier == 1 << 31
    multiplier, shift = np.where(carried, 1 << 30, multiplier), shift + carried
    tiny, huge = shift < -31, shift > 30
    multiplier = np.select([tiny, huge], [0, (1 << 31) - 1], multiplier)
    shift = np.select([tiny | (multiplier == 0), huge], [0, 30], shift)
    return multiplier.astype(np.int32), shift.astype(np.int32)


def requantize_float64(acc: IntArray, real: NDArray[np.float64]) -> IntArray:
    """Scale int32 accumulators to the output scale in float64, halves away from zero.

    Args:
        acc: integers in the int32 range [..., channels], scale input_scale * weight_scale.
        real: float64 [channels], input_scale * weight_scale / output_scale.
    Returns:
        int64 [..., channels], before zero point and clamping.
    Source:
        What the fully-connected kernel of LiteRT's BUILTIN_REF computes; `requantize_single` equals it only
        where tinysine.graph.with_rounding has proved or made it so. Checked in unit_tests/oracles.
    """
    rounded: IntArray = _round_half_away(acc.astype(np.float64) * real).astype(np.int64)
    return rounded


def requantize_single(acc: IntArray, multiplier: IntArray, shift: IntArray) -> IntArray:
    """Scale int32 accumulators to the output scale in integers, rounding once, halves up.

    Args:
        acc: integers in the int32 range [..., channels], scale input_scale * weight_scale.
        multiplier: int32 [channels], Q31 mantissa in [2**30, 2**31), or 0.
        shift: int32 [channels], power of two, usually negative, in [-31, 30].
    Returns:
        int64 [..., channels], before zero point and clamping.
    Source:
        TensorFlow Lite's MultiplyByQuantizedMultiplier built with TFLITE_SINGLE_ROUNDING.
    """
    right = (31 - shift).astype(np.int64)
    product = acc.astype(np.int64) * multiplier.astype(np.int64)
    scaled: IntArray = (product + (np.int64(1) << (right - 1))) >> right
    return scaled


def requantize_double(acc: IntArray, multiplier: IntArray, shift: IntArray) -> IntArray:
    """Scale int32 accumulators to the output scale in integers, rounding twice.

    First a saturating rounding doubling high multiply (halves up), then a rounding right shift (halves away
    from zero). A left shift, for real multipliers above 1, wraps at 32 bits as the kernel's does.

    Args:
        acc: integers in the int32 range [..., channels], scale input_scale * weight_scale.
        multiplier: int32 [channels], Q31 mantissa in [2**30, 2**31), or 0.
        shift: int32 [channels], power of two, usually negative, in [-31, 30].
    Returns:
        int64 [..., channels], before zero point and clamping.
    Source:
        TensorFlow Lite Micro's reference kernels, checked against the tflite-micro wheel in
        unit_tests/oracles.
    """
    left = np.maximum(shift, 0).astype(np.int64)
    right = np.maximum(-shift, 0).astype(np.int64)
    shifted = wrap_int32(acc.astype(np.int64) << left)
    # The kernel nudges negative products by 1 - 2**30 and truncates: the same as adding 2**30 and flooring.
    high = (shifted * multiplier.astype(np.int64) + np.int64(1 << 30)) >> np.int64(31)
    mask = (np.int64(1) << right) - 1
    threshold = (mask >> 1) + (high < 0)
    scaled: IntArray = (high >> right) + ((high & mask) > threshold)
    return scaled


def requantize(acc: IntArray, multiplier: IntArray, shift: IntArray, rounding: Rounding) -> IntArray:
    """Scale int32 accumulators to the output scale in integers, as a rounding has it.

    Args:
        acc, multiplier, shift: as for `requantize_single` and `requantize_double`.
        rounding: LITERT rounds once, the others twice.
    Returns:
        int64 [..., channels], before zero point and clamping.
    """
    once_or_twice = requantize_single if rounding is Rounding.LITERT else requantize_double
    return once_or_twice(acc, multiplier, shift)


def wrap_int32(values: IntArray) -> IntArray:
    """Keep the low 32 bits, as two's-complement int32 arithmetic does.

    Args:
        values: int64 [...].
    Returns:
        int64 [...], in the int32 range.
    """
    wrapped: IntArray = values.astype(np.int32).astype(np.int64)
    return wrapped


def _round_half_away(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not floor(|x| + 0.5): that sum rounds up for the float just below a half.
    whole = np.trunc(x)
    rounded: NDArray[np.float64] = whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0.0)
    return rounded
