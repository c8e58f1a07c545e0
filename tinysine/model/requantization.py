"""Integers that provably equal a reference, over every accumulator that a layer's weights and bias allow.

TensorFlow Lite Micro requantises in integers, so its multipliers are taken as they are. LiteRT's BUILTIN_REF
multiplies in float64 and rounds halves away from zero. A 31-bit multiplier with a single rounding gives the
same answers nearly everywhere, but not on a tie below zero and not where the 31 bits fall on the other side
of a half; so every step of the output is checked, and where one differs, a multiplier is searched that puts
all steps right.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.model.graph import FullyConnected, Model
from tinysine.quantization import IntArray, Rounding, requantize_float64, requantize_single

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_BLOCK = 256  # channels checked at a time: bounds the memory for layers of any width


def with_rounding(model: Model, rounding: Rounding) -> Model:
    """Return the model with multipliers and shifts that make integer arithmetic equal the reference, exactly.

    Args:
        model: as read from a file.
        rounding: LITERT: for `requantize_single` to equal BUILTIN_REF; TFLM: for `requantize_double` to equal
            TensorFlow Lite Micro.
    Returns:
        The same model; where needed, layers with another multiplier or shift.
    Raises:
        ModelError: a sum that can leave int32, where the references themselves are undefined; or a layer for
            which no 31-bit multiplier equals BUILTIN_REF everywhere. Facts: tensor, operator.
    """
    layers = tuple(_layer_with_rounding(layer, rounding) for layer in model.layers)
    return dataclasses.replace(model, layers=layers)


def accumulator_bounds(layer: FullyConnected) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest accumulator of each output, over all int8 inputs.

    Args:
        layer: any.
    Returns:
        (min, max), int64 [outputs] each: bias plus the sum of weight * (input - zero point), unbounded by
        int32.
    """
    weights = layer.weights.astype(np.int64)
    positive, negative = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
    low, high = -128 - layer.input.zero_point, 127 - layer.input.zero_point
    bias = layer.bias.astype(np.int64)
    return bias + positive * low + negative * high, bias + positive * high + negative * low


def _layer_with_rounding(layer: FullyConnected, rounding: Rounding) -> FullyConnected:
    low, high = accumulator_bounds(layer)
    reach = np.maximum(np.abs(low), np.abs(high))
    # Partial sums, in any order, lie between the bias and these bounds; without the bias, the reader's limit
    # on the width keeps them in int32.
    _refuse_beyond(layer, reach, "accumulator")
    if rounding is Rounding.TFLM:
        # The kernel shifts left within int32 before it multiplies.
        _refuse_beyond(layer, reach << np.maximum(layer.shift, 0), "scaled accumulator")
        return layer
    _refuse_beyond(layer, np.ceil(reach * layer.real_multiplier), "scaled output")
    multiplier, shift = layer.multiplier.copy(), layer.shift.copy()
    for start in range(0, layer.outputs, _BLOCK):
        block = slice(start, start + _BLOCK)
        for channel in start + np.flatnonzero(_differs(layer, block, low[block], high[block])):
            multiplier[channel], shift[channel] = _search(
                layer, int(channel), int(low[channel]), int(high[channel])
            )
    multiplier.flags.writeable = shift.flags.writeable = False
    return dataclasses.replace(layer, multiplier=multiplier, shift=shift)


def _refuse_beyond(layer: FullyConnected, reach: NDArray[np.number], what: str) -> None:
    if (reach > _INT32_MAX - 256).any():  # room for the zero point
        channel = int(np.argmax(reach))
        raise ModelError(
            f"layer {layer.name!r}: the {what} of output {channel} can reach {float(reach[channel]):.0f}, "
            "beyond int32",
            hint="scale its weights or bias down, or quantise the model anew",
            operator="FULLY_CONNECTED",
            tensor=layer.name,
        )


def _steps(layer: FullyConnected, block: slice, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """Return accumulators [channels, k] around each step of the output, and the reference's answers."""
    real = layer.real_multiplier[block, None]
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    below = np.arange(floor, ceiling)
    with np.errstate(over="ignore"):
        middle = np.clip((below + 0.5) / real, low[:, None] - 4.0, high[:, None] + 4.0)
    first = np.floor(middle).astype(np.int64) - 2
    # The division is a guess within one; the step is where the reference itself first exceeds the output
    # below it.
    for _ in range(5):
        first += below >= requantize_float64(first.T, layer.real_multiplier[block]).T
    points = np.concatenate([first, first - 1, low[:, None], high[:, None]], axis=1)
    points = np.clip(points, low[:, None], high[:, None])
    answers = requantize_float64(points.T, layer.real_multiplier[block]).T
    return points, np.clip(answers, floor, ceiling)


def _differs(layer: FullyConnected, block: slice, low: IntArray, high: IntArray) -> NDArray[np.bool_]:
    # Both are monotone: equal on both sides of every step and at the ends, they are equal everywhere between.
    points, wanted = _steps(layer, block, low, high)
    got = requantize_single(points.T, layer.multiplier[block], layer.shift[block]).T
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    different: NDArray[np.bool_] = (np.clip(got, floor, ceiling) != wanted).any(axis=1)
    return different


def _search(layer: FullyConnected, channel: int, low: int, high: int) -> tuple[int, int]:
    points, wanted = _steps(
        layer, slice(channel, channel + 1), np.array([low], np.int64), np.array([high], np.int64)
    )
    floor, ceiling = layer.clamp_min - layer.output.zero_point, layer.clamp_max - layer.output.zero_point
    real = float(layer.real_multiplier[channel])
    exponent = math.frexp(real)[1]
    for shift in (exponent, exponent + 1, exponent - 1):
        if shift < -31 or shift > 30:
            continue
        half = 1 << (30 - shift)
        least, most = 1 << 30, _INT32_MAX
        for point, answer in set(zip(points[0].tolist(), wanted[0].tolist(), strict=True)):
            # So that (point * multiplier + half) >> (31 - shift) is the answer; a clamped side is free.
            if answer > floor:
                least, most = _at_least(point, (2 * answer - 1) * half, least, most)
            if answer < ceiling:
                least, most = _at_least(-point, 1 - (2 * answer + 1) * half, least, most)
        if least <= most:
            return min(max(round(real * 2.0 ** (31 - shift)), least), most), shift
    raise ModelError(
        f"layer {layer.name!r}: no 31-bit multiplier equals LiteRT's float64 arithmetic on output {channel} "
        f"over all its accumulators, {low} to {high}",
        hint="quantise the model anew, or build with the rounding of TensorFlow Lite Micro (tflm)",
        operator="FULLY_CONNECTED",
        tensor=layer.name,
    )


def _at_least(factor: int, bound: int, least: int, most: int) -> tuple[int, int]:
    """Narrow [least, most] to the multipliers m with factor * m >= bound."""
    if factor > 0:
        return max(least, -(-bound // factor)), most
    if factor < 0:
        return least, min(most, bound // factor)
    return (least, most) if bound <= 0 else (1, 0)
