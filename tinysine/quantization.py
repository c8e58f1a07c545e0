"""The arithmetic of int8 quantisation, once: scale, zero point, multiplier, rounding.

Everything here is exact on integers and states which implementation it reproduces. Source of the scheme: Jacob et
al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), and the
TensorFlow Lite 8-bit quantisation specification.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.signedinteger[Any]]


class Rounding(StrEnum):
    """How accumulators are scaled to the output: the two answers that are both called "TFLite"."""

    LITERT = "litert"  # one rounding, as LiteRT's BUILTIN_REF and XNNPACK
    TFLM = "tflm"  # two roundings, as TensorFlow Lite Micro and CMSIS-NN


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
    rounded = np.copysign(np.floor(np.abs(scaled.astype(np.float64)) + 0.5), scaled)
    return np.clip(rounded + q.zero_point, limits.min, limits.max).astype(dtype)


def dequantize(codes: NDArray[Any], q: Quantization) -> NDArray[np.float32]:
    """Turn codes into the real values they stand for.

    Args:
        codes: int8 or uint8 [...].
        q: scale and zero point of the tensor.
    Returns:
        float32 [...].
    """
    return (np.float32(q.scale) * (codes.astype(np.int32) - q.zero_point).astype(np.float32)).astype(np.float32)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split a positive real multiplier into a Q31 mantissa and a power of two.

    Args:
        real: input_scale * weight_scale / output_scale, computed in float64; zero or more.
    Returns:
        (multiplier, shift): real ~= multiplier * 2**(shift - 31), multiplier in [2**30, 2**31) or (0, 0).
    Source:
        QuantizeMultiplier of TensorFlow Lite: frexp, mantissa rounded half away from zero.
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    multiplier = math.floor(mantissa * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return (1 << 31) - 1, 30
    return multiplier, shift


def requantize_single(acc: IntArray, multiplier: IntArray, shift: IntArray) -> IntArray:
    """Scale int32 accumulators to the output scale, rounding once, halves up.

    Args:
        acc: integers in the int32 range [..., channels], scale input_scale * weight_scale.
        multiplier: int32 [channels], Q31 mantissa in [2**30, 2**31).
        shift: int32 [channels], power of two, usually negative, in [-31, 30].
    Returns:
        int64 [..., channels], before zero point and clamping.
    Source:
        LiteRT BUILTIN_REF, checked against it over all 256 inputs in unit_tests/oracles.
    """
    right = (31 - shift).astype(np.int64)
    product = acc.astype(np.int64) * multiplier.astype(np.int64)
    return (product + (np.int64(1) << (right - 1))) >> right


def requantize_double(acc: IntArray, multiplier: IntArray, shift: IntArray) -> IntArray:
    """Scale int32 accumulators to the output scale, rounding twice.

    First a saturating rounding doubling high multiply (halves away from zero), then a rounding right shift (halves
    away from zero).

    Args:
        acc: integers in the int32 range [..., channels], scale input_scale * weight_scale.
        multiplier: int32 [channels], Q31 mantissa in [2**30, 2**31).
        shift: int32 [channels], power of two, usually negative, in [-31, 30].
    Returns:
        int64 [..., channels], before zero point and clamping.
    Source:
        TensorFlow Lite Micro's reference kernels, checked against the tflite-micro wheel in unit_tests/oracles.
    """
    left = np.maximum(shift, 0).astype(np.int64)
    right = np.maximum(-shift, 0).astype(np.int64)
    shifted = acc.astype(np.int64) << left
    product = shifted * multiplier.astype(np.int64)
    nudged = product + np.where(product >= 0, np.int64(1 << 30), np.int64(1 - (1 << 30)))
    high = np.where(nudged >= 0, nudged >> 31, -((-nudged) >> 31))  # C division truncates toward zero
    mask = (np.int64(1) << right) - 1
    remainder = high & mask
    threshold = (mask >> 1) + (high < 0)
    return (high >> right) + (remainder > threshold)
