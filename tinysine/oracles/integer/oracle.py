"""The network in exact integers, the whole batch at once: what the generated C has to compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import (
    DenseChain,
    FullyConnected,
    Graph,
    Network,
    graph_with_rounding,
    with_float32_product,
    with_rounding,
)
from tinysine.oracles.integer.fully_connected import fully_connected_s8
from tinysine.oracles.integer.integers import Integers
from tinysine.oracles.oracle import Oracle, checked_inputs, integer_oracle_name
from tinysine.quantization import (
    Rounding,
    dequantize,
    quantize,
)


def integer_oracle(model: Network, rounding: Rounding) -> Oracle:
    """Return the oracle that computes in integers.

    Args:
        model: as read from the file.
        rounding: whose arithmetic.
    Raises:
        ModelError: integers cannot equal the reference on this model; see tinysine.graph.with_rounding.
    """
    name = integer_oracle_name(rounding)
    if isinstance(model, DenseChain):
        return _Chain(model=with_rounding(model, rounding), rounding=rounding, name=name)
    assert isinstance(model, Graph)
    from tinysine.oracles.integer.graph_oracle import GraphOracle  # noqa: PLC0415  # brings every operator with it

    return GraphOracle(model=graph_with_rounding(model, rounding), rounding=rounding, name=name)


def float32_product_oracle(model: Network) -> Oracle | None:
    """Return TensorFlow Lite Micro's integers as devices have them: those of Rounding.TFLM_FLOAT32.

    Args:
        model: as read from the file.
    Returns:
        None where the product in float32 leads to the same multipliers, and so to the same answers.
    Raises:
        ModelError: as `integer_oracle`.
    """
    if all(_same_multipliers(layer, with_float32_product(layer)) for layer in _dense_layers(model)):
        return None
    return integer_oracle(model, Rounding.TFLM_FLOAT32)


def _dense_layers(model: Network) -> tuple[FullyConnected, ...]:
    if isinstance(model, DenseChain):
        return model.layers
    assert isinstance(model, Graph)
    from tinysine.oracles.integer.graph_oracle import dense_layers_of  # noqa: PLC0415  # brings every operator with it

    return dense_layers_of(model)


def _same_multipliers(one: FullyConnected, other: FullyConnected) -> bool:
    return np.array_equal(one.multiplier, other.multiplier) and np.array_equal(one.shift, other.shift)


@dataclass(frozen=True, eq=False)
class _Chain(Integers):
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
