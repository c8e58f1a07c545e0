"""From a model to a plan: what is proved, what is folded, where activations live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.model import FullyConnected, Model
from tinysine.quantization import Rounding

INT32_MAX = 2**31 - 1


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One layer, ready to be emitted.

    Attributes:
        layer: what it computes.
        bias: int32 [outputs], the input's zero point folded in.
        right_shift: uint8 [outputs], 31 - shift.
    """

    layer: FullyConnected
    bias: NDArray[np.int32]
    right_shift: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole network, ready to be emitted.

    Attributes:
        layers: in order.
        arena_bytes: planned for activations.
        offsets: of each hidden activation in the arena, bytes.
    """

    layers: tuple[LayerPlan, ...]
    arena_bytes: int
    offsets: tuple[int, ...]


def plan_network(model: Model, *, rounding: Rounding) -> Plan:
    """Prove that no step can overflow, fold the zero points, place the activations.

    Raises:
        ModelError: a layer whose accumulators could leave int32; carries the layer's name.
    """
    layers = tuple(_plan_layer(layer, rounding) for layer in model.layers)
    sizes = [layer.outputs for layer in model.layers[:-1]]
    arena_bytes = max((sum(sizes[i : i + 2]) for i in range(len(sizes))), default=0)
    # Two buffers that grow toward each other: one from the front, the next from the back.
    offsets = tuple(0 if i % 2 == 0 else arena_bytes - size for i, size in enumerate(sizes))
    return Plan(layers=layers, arena_bytes=arena_bytes, offsets=offsets)


def _plan_layer(layer: FullyConnected, rounding: Rounding) -> LayerPlan:
    weights = layer.weights.astype(np.int64)
    bias = layer.bias.astype(np.int64) - layer.input.zero_point * weights.sum(axis=1)
    _prove_no_overflow(layer, weights, bias, rounding)
    return LayerPlan(
        layer=layer,
        bias=bias.astype(np.int32),
        right_shift=(31 - layer.shift).astype(np.uint8),
    )


def _prove_no_overflow(
    layer: FullyConnected, weights: NDArray[Any], bias: NDArray[Any], rounding: Rounding
) -> None:
    # Any order of summation, with and without the zero point folded in: bound the sum of magnitudes.
    reference = np.abs(layer.bias.astype(np.int64)) + np.abs(weights).sum(axis=1) * 255
    folded = np.abs(bias) + np.abs(weights).sum(axis=1) * 128
    reach = np.maximum(reference, folded)
    if rounding is Rounding.TFLM:
        reach = reach << np.maximum(layer.shift, 0)
    if (reach > INT32_MAX).any():
        channel = int(np.argmax(reach))
        raise ModelError(
            f"layer {layer.name!r}: the accumulator of output {channel} can reach {int(reach[channel])}, beyond int32",
            hint="scale its weights or bias down, or quantise the model anew",
            operator="FULLY_CONNECTED",
            tensor=layer.name,
        )
