"""The network in exact integers, the whole batch at once: what the generated C has to compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import FullyConnected, Network, with_rounding
from tinysine.oracles.oracle import TFLM_FLOAT32, Oracle, checked_inputs, integer_oracle_name
from tinysine.quantization import (
    IntArray,
    Rounding,
    dequantize,
    quantize,
    quantize_multipliers,
    requantize,
    wrap_int32,
)


def integer_oracle(model: Network, rounding: Rounding) -> Oracle:
    """Return the oracle that computes in integers.

    Args:
        model: as read from the file.
        rounding: LITERT rounds once, TFLM twice.
    Raises:
        ModelError: integers cannot equal the reference on this model; see tinysine.graph.with_rounding.
    """
    return _Integer(
        model=with_rounding(model, rounding), rounding=rounding, name=integer_oracle_name(rounding)
    )


def float32_product_oracle(model: Network) -> Oracle | None:
    """Return TensorFlow Lite Micro's integers as devices have them: see TFLM_FLOAT32.

    Args:
        model: as read from the file.
    Returns:
        None where the product in float32 leads to the same multipliers, and so to the same answers.
    Raises:
        ModelError: as `integer_oracle`.
    """
    layers = tuple(_with_float32_product(layer) for layer in model.layers)
    pairs = zip(layers, model.layers, strict=True)
    if all(
        np.array_equal(new.multiplier, old.multiplier) and np.array_equal(new.shift, old.shift)
        for new, old in pairs
    ):
        return None
    return _Integer(
        model=with_rounding(replace(model, layers=layers), Rounding.TFLM),
        rounding=Rounding.TFLM,
        name=TFLM_FLOAT32,
    )


def _with_float32_product(layer: FullyConnected) -> FullyConnected:
    if layer.per_channel:
        return layer
    product = np.float32(layer.input.scale) * layer.weight_scales.astype(np.float32)
    multiplier, shift = quantize_multipliers(product.astype(np.float64) / layer.output.scale)
    return replace(layer, multiplier=multiplier, shift=shift)


@dataclass(frozen=True, eq=False)
class _Integer:
    model: Network
    rounding: Rounding
    name: str

    @property
    def version(self) -> str:
        return f"numpy {np.__version__}"

    @property
    def detail(self) -> dict[str, object]:
        return {"rounding": str(self.rounding)}

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


def fully_connected_s8(
    codes: NDArray[np.int8], layer: FullyConnected, rounding: Rounding
) -> NDArray[np.int8]:
    """Compute one layer.

    Args:
        codes: int8 [n, layer.inputs].
        layer: of a model that `with_rounding` has gone over.
        rounding: the same.
    Returns:
        int8 [n, layer.outputs].
    """
    # float64 holds every integer below 2**53, and its matrix product is many times as fast as one of integers.
    centred = codes.astype(np.float64) - layer.input.zero_point
    acc: IntArray = (centred @ layer.weights.T.astype(np.float64)).astype(np.int64) + layer.bias
    scaled = requantize(wrap_int32(acc), layer.multiplier, layer.shift, rounding)
    result: NDArray[np.int8] = np.clip(
        wrap_int32(scaled + layer.output.zero_point), layer.clamp_min, layer.clamp_max
    ).astype(np.int8)
    return result
