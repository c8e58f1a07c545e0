"""Neurons of a chain of dense layers that are proved constant over all inputs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.intervals import Interval, layer_interval
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

    def __str__(self) -> str:
        """Return it as a report has it."""
        return f"neuron {self.neuron} of layer {self.layer}, always {self.code}"


def prune_constant_neurons(
    model: DenseChain, rounding: Rounding
) -> tuple[DenseChain, tuple[PrunedNeuron, ...]]:
    """Fold every hidden neuron that never changes into the biases of the next layer.

    With one input of one element all 256 codes are run; with more, intervals over all inputs prove what never changes.

    Args:
        model: its multipliers proved for the rounding.
        rounding: which reference the answers equal.
    Returns:
        (the same function in fewer neurons, what was folded). A layer keeps at least one neuron.
    """
    layers = list(model.layers)
    pruned: list[PrunedNeuron] = []
    known: NDArray[np.int8] = np.arange(-128, 128).astype(np.int8)[:, None]
    if model.input.count > 1:
        known = np.repeat(known[[0, -1]], model.input.count, axis=1)
    for i in range(len(layers) - 1):
        known = _codes(known, layers[i], rounding, ends=model.input.count > 1)
        constant = (known == known[0]).all(axis=0)
        if constant.all():
            constant[0] = False
        pruned += [PrunedNeuron(i, int(neuron), int(known[0, neuron])) for neuron in np.flatnonzero(constant)]
        layers[i + 1] = without_inputs(layers[i + 1], constant, known[0])
        layers[i] = without_outputs(layers[i], constant)
        known = known[:, ~constant]
    return dataclasses.replace(model, layers=tuple(layers)), tuple(pruned)


def _codes(
    known: NDArray[np.int8], layer: FullyConnected, rounding: Rounding, *, ends: bool
) -> NDArray[np.int8]:
    """Return a layer's codes: for each row of inputs, or, of the least and the greatest inputs, the two ends."""
    if not ends:
        return fully_connected_s8(known, layer, rounding)
    found = layer_interval(layer, Interval(known[0], known[1]), rounding)
    return np.stack([found.low, found.high])


def without_outputs(layer: FullyConnected, constant: NDArray[np.bool_]) -> FullyConnected:
    """Return a layer without some of its neurons."""
    keep = ~constant
    return dataclasses.replace(
        layer,
        weights=layer.weights[keep],
        bias=layer.bias[keep],
        weight_scales=layer.weight_scales[keep],
        multiplier=layer.multiplier[keep],
        shift=layer.shift[keep],
    )


def without_inputs(
    layer: FullyConnected, constant: NDArray[np.bool_], codes: NDArray[np.int8]
) -> FullyConnected:
    """Return a layer without some of its inputs, their codes folded into its bias."""
    values = codes[constant].astype(np.int64) - layer.input.zero_point
    # Within int32: part of an accumulator that was proved to be.
    bias = layer.bias + layer.weights[:, constant].astype(np.int64) @ values
    return dataclasses.replace(layer, weights=layer.weights[:, ~constant], bias=bias.astype(np.int32))
