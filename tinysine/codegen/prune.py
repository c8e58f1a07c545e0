"""Neurons proved constant: with few enough inputs all of them can be run before anything is generated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.graph import DenseChain, FullyConnected
from tinysine.oracles import fully_connected_s8
from tinysine.quantization import Rounding


@dataclass(frozen=True)
class PrunedNeuron:
    """One neuron that gives the same code for every input.

    Attributes:
        layer: number of its layer, from 0.
        neuron: its number in the layer.
        code: the int8 code it always gives.
    """

    layer: int
    neuron: int
    code: int


def prune_constant_neurons(
    model: DenseChain, rounding: Rounding
) -> tuple[DenseChain, tuple[PrunedNeuron, ...]]:
    """Fold every hidden neuron that never changes into the biases of the next layer.

    Args:
        model: its multipliers proved for the rounding; one input of one element, so 256 codes at the most.
        rounding: which reference the answers equal.
    Returns:
        (the same function in fewer neurons, what was folded). A layer keeps at least one neuron.
    Raises:
        ConfigError: the inputs are too many to run them all.
    """
    count = model.input.count
    if count != 1:
        raise ConfigError(
            f"cannot prune: {count} inputs have 2^{8 * count} combinations, too many to run",
            hint="build without --prune",
            key="prune",
        )
    layers = list(model.layers)
    codes: NDArray[np.int8] = np.arange(-128, 128).astype(np.int8)[:, None]
    pruned: list[PrunedNeuron] = []
    for i in range(len(layers) - 1):
        codes = fully_connected_s8(codes, layers[i], rounding)
        constant = (codes == codes[0]).all(axis=0)
        if constant.all():
            constant[0] = False
        pruned += [PrunedNeuron(i, int(neuron), int(codes[0, neuron])) for neuron in np.flatnonzero(constant)]
        layers[i + 1] = _without_inputs(layers[i + 1], constant, codes[0])
        layers[i] = _without_outputs(layers[i], constant)
        codes = codes[:, ~constant]
    return dataclasses.replace(model, layers=tuple(layers)), tuple(pruned)


def _without_outputs(layer: FullyConnected, constant: NDArray[np.bool_]) -> FullyConnected:
    keep = ~constant
    return dataclasses.replace(
        layer,
        weights=layer.weights[keep],
        bias=layer.bias[keep],
        weight_scales=layer.weight_scales[keep],
        multiplier=layer.multiplier[keep],
        shift=layer.shift[keep],
    )


def _without_inputs(
    layer: FullyConnected, constant: NDArray[np.bool_], codes: NDArray[np.int8]
) -> FullyConnected:
    values = codes[constant].astype(np.int64) - layer.input.zero_point
    # Within int32: part of an accumulator that was proved to be.
    bias = layer.bias + layer.weights[:, constant].astype(np.int64) @ values
    return dataclasses.replace(layer, weights=layer.weights[:, ~constant], bias=bias.astype(np.int32))
