"""Integers that provably equal a reference, over every accumulator that a layer's weights and bias allow.

TensorFlow Lite Micro requantises in integers, so its multipliers are taken as they are. LiteRT's BUILTIN_REF
multiplies in float64 and rounds halves away from zero. A 31-bit multiplier with a single rounding gives the
same answers nearly everywhere, but not on a tie below zero and not where the 31 bits fall on the other side
of a half; so every step of the output is checked, and where one differs, a multiplier is searched that puts
all steps right.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.graph.bounds import bounds_of
from tinysine.graph.network import DenseChain, FullyConnected
from tinysine.quantization import (
    INT32_MAX,
    IntArray,
    Rounding,
    quantize_multipliers,
    requantize_float64,
    requantize_single,
)

_BLOCK = 256  # channels checked at a time: bounds the memory for layers of any width


def with_rounding(model: DenseChain, rounding: Rounding) -> DenseChain:
    """Return the model with multipliers and shifts that make integer arithmetic equal the reference, exactly.

    Args:
        model: as read from a file.
        rounding: LITERT: for `requantize_single` to equal BUILTIN_REF; the others: for `requantize_double` to
            equal TensorFlow Lite Micro, its Python package or its build for a device.
    Returns:
        The same model; where needed, layers with another multiplier or shift.
    Raises:
        ModelError: a sum that can leave int32, where the references themselves are undefined; or a layer for
            which no 31-bit multiplier equals BUILTIN_REF everywhere; or scales whose product leaves float32, where
            that is what counts. Facts: tensor, operator.
    """
    layers = tuple(layer_with_rounding(layer, rounding) for layer in model.layers)
    return dataclasses.replace(model, layers=layers)


def accumulator_bounds(layer: FullyConnected) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest accumulator of each output, over all int8 inputs.

    Args:
        layer: any.
    Returns:
        (min, max), int64 [outputs] each: bias plus the sum of weight * (input - zero point), unbounded by
        int32.
    """
    return bounds_of(layer.weights, layer.bias, layer.input.zero_point)


def layer_with_rounding(layer: FullyConnected, rounding: Rounding) -> FullyConnected:
    """Return one layer with the multipliers that `with_rounding` gives it; raises as that does."""
    if rounding is Rounding.TFLM_FLOAT32:
        layer = with_float32_product(layer)
    low, high = accumulator_bounds(layer)
    reach = np.maximum(np.abs(low), np.abs(high))
    # Partial sums, in any order, lie between the bias and these bounds; without the bias, the reader's limit
    # on the width keeps them in int32.
    _refuse_beyond(layer, reach, "accumulator")
    if rounding is not Rounding.LITERT:
        # The kernel shifts left within int32 before it multiplies.
        _refuse_beyond(layer, reach << np.maximum(layer.shift, 0), "scaled accumulator")
        return layer
    _refuse_beyond(layer, np.ceil(reach * layer.real_multiplier), "scaled output")
    multiplier, shift = layer.multiplier.copy(), layer.shift.copy()
    for start in range(0, layer.outputs, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, layer.outputs))
        wrong = block[_differs(layer, block, low[block], high[block])]
        if wrong.size:
            multiplier[wrong], shift[wrong] = _search(layer, wrong, low[wrong], high[wrong])
    multiplier.flags.writeable = shift.flags.writeable = False
    return dataclasses.replace(layer, multiplier=multiplier, shift=shift)


def with_float32_product(layer: FullyConnected) -> FullyConnected:
    """Return a layer with the multipliers of Rounding.TFLM_FLOAT32.

    Where the weights have one scale, its product with the input's is rounded to float32 before it is divided by the
    output's in float64. Scales of each channel are multiplied in float64, and the layer stays as it is.

    Raises:
        ModelError: the product is beyond float32. Facts: tensor, operator.
    Source:
        FULLY_CONNECTED of TensorFlow Lite Micro's C++; a build of it on a device was held against this.
    """
    if layer.per_channel:
        return layer
    with np.errstate(over="ignore", under="ignore"):
        product = np.float32(layer.input.scale) * layer.weight_scales.astype(np.float32)
    if not np.isfinite(product).all():
        raise ModelError(
            f"layer {layer.name!r}: the product of the scales of its input and weights is beyond float32",
            hint="quantise the model anew, or build with another --reference",
            operator="FULLY_CONNECTED",
            tensor=layer.name,
        )
    multiplier, shift = quantize_multipliers(product.astype(np.float64) / layer.output.scale)
    multiplier.flags.writeable = shift.flags.writeable = False
    return dataclasses.replace(layer, multiplier=multiplier, shift=shift)


def _refuse_beyond(layer: FullyConnected, reach: NDArray[np.number], what: str) -> None:
    if (reach > INT32_MAX - 256).any():  # room for the zero point
        channel = int(np.argmax(reach))
        raise ModelError(
            f"layer {layer.name!r}: the {what} of output {channel} can reach {float(reach[channel]):.0f}, "
            "beyond int32",
            hint="scale its weights or bias down, or quantise the model anew",
            operator="FULLY_CONNECTED",
            tensor=layer.name,
        )


def _steps(
    layer: FullyConnected, channels: IntArray, low: IntArray, high: IntArray
) -> tuple[IntArray, IntArray]:
    """Return accumulators [channels, k] around each step of the output, and the reference's answers."""
    real = layer.real_multiplier[channels, None]
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    below = np.arange(floor, ceiling)
    with np.errstate(over="ignore"):
        middle = np.clip((below + 0.5) / real, low[:, None] - 4.0, high[:, None] + 4.0)
    first = np.floor(middle).astype(np.int64) - 2
    # The division is a guess within one; the step is where the reference itself first exceeds the output
    # below it.
    for _ in range(5):
        first += below >= requantize_float64(first.T, layer.real_multiplier[channels]).T
    points = np.concatenate([first, first - 1, low[:, None], high[:, None]], axis=1)
    points = np.clip(points, low[:, None], high[:, None])
    answers = requantize_float64(points.T, layer.real_multiplier[channels]).T
    return points, np.clip(answers, floor, ceiling)


def _differs(layer: FullyConnected, channels: IntArray, low: IntArray, high: IntArray) -> NDArray[np.bool_]:
    # Both are monotone: equal on both sides of every step and at the ends, they are equal everywhere between.
    points, wanted = _steps(layer, channels, low, high)
    got = requantize_single(points.T, layer.multiplier[channels], layer.shift[channels]).T
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    different: NDArray[np.bool_] = (np.clip(got, floor, ceiling) != wanted).any(axis=1)
    return different


def _search(
    layer: FullyConnected, channels: IntArray, low: IntArray, high: IntArray
) -> tuple[IntArray, IntArray]:
    """Find multipliers and shifts that are right on every step, for channels whose own ones are not."""
    points, wanted = _steps(layer, channels, low, high)
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    real = layer.real_multiplier[channels]
    exponent = np.frexp(real)[1].astype(np.int64)
    multiplier, shift = np.zeros_like(exponent), np.zeros_like(exponent)
    for candidate in (exponent, exponent + 1, exponent - 1):
        rest = np.flatnonzero((multiplier == 0) & (candidate >= -31) & (candidate <= 30))
        # So that (point * multiplier + half) >> (31 - shift) is the answer; a clamped side is free.
        least, most = _between(
            points[rest], wanted[rest], halves_log2=30 - candidate[rest], free=(floor, ceiling)
        )
        nearest = np.rint(real[rest] * 2.0 ** (31.0 - candidate[rest])).astype(np.int64)
        found = least <= most
        multiplier[rest] = np.where(found, np.clip(nearest, least, most), 0)
        shift[rest] = candidate[rest]
    if (multiplier == 0).any():
        failed = int(np.argmin(multiplier != 0))
        raise ModelError(
            f"layer {layer.name!r}: no 31-bit multiplier equals LiteRT's float64 arithmetic on output "
            f"{channels[failed]} over all its accumulators, {low[failed]} to {high[failed]}",
            hint="quantise the model anew, or build with the rounding of TensorFlow Lite Micro (tflm)",
            operator="FULLY_CONNECTED",
            tensor=layer.name,
        )
    return multiplier, shift


def _between(
    points: IntArray, wanted: IntArray, *, halves_log2: IntArray, free: tuple[int, int]
) -> tuple[IntArray, IntArray]:
    """The least and the greatest multiplier [channels] that give every point its wanted answer."""
    below = _at_least(points, _scaled(2 * wanted - 1, halves_log2), counts=wanted > free[0])
    above = _at_least(-points, 1 - _scaled(2 * wanted + 1, halves_log2), counts=wanted < free[1])
    return np.maximum(below[0], above[0]), np.minimum(below[1], above[1])


def _scaled(values: IntArray, log2: IntArray) -> IntArray:
    """values [channels, k] * 2**log2 [channels], held within 2**62, which no point times multiplier reaches."""
    limit = np.int64(1 << 62) >> log2[:, None]
    scaled: IntArray = np.clip(values, -limit, limit) << log2[:, None]
    return scaled


def _at_least(factors: IntArray, bounds: IntArray, *, counts: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """The least and the greatest 31-bit multiplier m [channels] with factors * m >= bounds, where it counts."""
    up, down = counts & (factors > 0), counts & (factors < 0)
    divisors = np.where(factors == 0, 1, factors)
    least = np.where(up, -(-bounds // divisors), 1 << 30).max(axis=1, initial=1 << 30)
    most = np.where(down, bounds // divisors, INT32_MAX).min(axis=1, initial=INT32_MAX)
    impossible = (counts & (factors == 0) & (bounds > 0)).any(axis=1)
    return least, np.where(impossible, 0, most)
