"""The network in exact integers, the whole batch at once: what the generated C has to compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import DenseChain, FullyConnected, Graph, Network, graph_with_rounding, with_rounding
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.oracles.integer.fully_connected import fully_connected_s8
from tinysine.oracles.integer.nodes import RUNNERS
from tinysine.oracles.oracle import TFLM_FLOAT32, Oracle, checked_inputs, integer_oracle_name
from tinysine.quantization import (
    Rounding,
    dequantize,
    quantize,
    quantize_multipliers,
)
from tinysine.tensor_values import Values, values_of

BATCH = 16  # inferences at a time: a graph of images takes megabytes each


def integer_oracle(model: Network, rounding: Rounding) -> Oracle:
    """Return the oracle that computes in integers.

    Args:
        model: as read from the file.
        rounding: LITERT rounds once, TFLM twice.
    Raises:
        ModelError: integers cannot equal the reference on this model; see tinysine.graph.with_rounding.
    """
    return _integer(model, rounding, integer_oracle_name(rounding))


def float32_product_oracle(model: Network) -> Oracle | None:
    """Return TensorFlow Lite Micro's integers as devices have them: see TFLM_FLOAT32.

    Args:
        model: as read from the file.
    Returns:
        None where the product in float32 leads to the same multipliers, and so to the same answers.
    Raises:
        ModelError: as `integer_oracle`.
    """
    changed: Network
    if isinstance(model, DenseChain):
        layers = tuple(_with_float32_product(layer) for layer in model.layers)
        same = all(map(_same_multipliers, layers, model.layers))
        changed = replace(model, layers=layers)
    else:
        assert isinstance(model, Graph)
        nodes = tuple(
            replace(node, layer=_with_float32_product(node.layer)) if isinstance(node, DenseNode) else node
            for node in model.nodes
        )
        same = all(
            _same_multipliers(new.layer, old.layer)
            for new, old in zip(nodes, model.nodes, strict=True)
            if isinstance(new, DenseNode) and isinstance(old, DenseNode)
        )
        changed = replace(model, nodes=nodes)
    return None if same else _integer(changed, Rounding.TFLM, TFLM_FLOAT32)


def _same_multipliers(one: FullyConnected, other: FullyConnected) -> bool:
    return np.array_equal(one.multiplier, other.multiplier) and np.array_equal(one.shift, other.shift)


def _integer(model: Network, rounding: Rounding, name: str) -> Oracle:
    if isinstance(model, DenseChain):
        return _Chain(model=with_rounding(model, rounding), rounding=rounding, name=name)
    assert isinstance(model, Graph)
    return _Graph(model=graph_with_rounding(model, rounding), rounding=rounding, name=name)


def _with_float32_product(layer: FullyConnected) -> FullyConnected:
    if layer.per_channel:
        return layer
    product = np.float32(layer.input.scale) * layer.weight_scales.astype(np.float32)
    multiplier, shift = quantize_multipliers(product.astype(np.float64) / layer.output.scale)
    return replace(layer, multiplier=multiplier, shift=shift)


@dataclass(frozen=True, eq=False)
class _Integer:
    rounding: Rounding
    name: str

    @property
    def version(self) -> str:
        return f"numpy {np.__version__}"

    @property
    def detail(self) -> dict[str, object]:
        return {"rounding": str(self.rounding)}


@dataclass(frozen=True, eq=False)
class _Chain(_Integer):
    model: DenseChain

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        (batch,) = checked_inputs(self.model, inputs)
        codes = self._codes(batch)
        for layer in self.model.layers:
            codes = fully_connected_s8(codes, layer, self.rounding)
        if self.model.output.dtype == np.float32:
            return dequantize(codes, self.model.layers[-1].output)
        return codes if self.model.output.dtype == np.int8 else codes.view(np.uint8) ^ np.uint8(0x80)

    def _codes(self, inputs: NDArray[Any]) -> NDArray[np.int8]:
        if inputs.dtype == np.float32:
            return quantize(inputs, self.model.layers[0].input, np.dtype(np.int8))
        return inputs if inputs.dtype == np.int8 else (inputs ^ np.uint8(0x80)).view(np.int8)


@dataclass(frozen=True, eq=False)
class _Graph(_Integer):
    model: Graph

    def run(self, inputs: Values) -> Values:
        arrays = checked_inputs(self.model, inputs)
        wanted = {id(value) for value in self.model.wanted}
        results: dict[int, NDArray[Any]] = {}
        for first in range(0, len(arrays[0]), BATCH):
            known = {
                id(value): array[first : first + BATCH]
                for value, array in zip(self.model.given, arrays, strict=True)
            }
            for node in self.model.nodes:
                sources = tuple(known[id(value)] for value in node.sources)
                known[id(node.result)] = RUNNERS[node.operator](node, sources, self.rounding)
            for key in wanted:
                results[key] = np.concatenate([results[key], known[key]]) if first else known[key]
        return values_of([results[id(value)] for value in self.model.wanted])
