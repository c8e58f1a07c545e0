"""Models that the generated engine can run, and the chain of fully-connected layers among them, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.model import Model
from tinysine.quantization import Quantization
from tinysine.tflite.tflite_file import Activation


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """One int8 fully-connected layer, with its requantisation already split into integers.

    Attributes:
        name: of the output tensor, as in the file.
        weights: int8 [outputs, inputs], zero point 0, read-only.
        bias: int32 [outputs], zeros where the file has none, read-only.
        weight_scales: float64 [outputs]; all equal when the file is per-tensor.
        per_channel: whether the file holds one scale per output.
        input, output: int8 quantisation of the activations.
        activation: fused into the clamp.
        multiplier: int32 [outputs], Q31 mantissa; as TensorFlow Lite's QuantizeMultiplier gives it, or as
            `with_rounding` has adjusted it.
        shift: int32 [outputs], power of two, usually negative.
        clamp_min, clamp_max: int8 range of the output codes after the fused activation.
    """

    name: str
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    weight_scales: NDArray[np.float64]
    per_channel: bool
    input: Quantization
    output: Quantization
    activation: Activation
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]
    clamp_min: int
    clamp_max: int

    @property
    def real_multiplier(self) -> NDArray[np.float64]:
        """float64 [outputs]: input scale * weight scale / output scale, in this order, as references do."""
        real: NDArray[np.float64] = self.input.scale * self.weight_scales / self.output.scale
        return real

    @property
    def inputs(self) -> int:
        """Number of input elements."""
        return int(self.weights.shape[1])

    @property
    def outputs(self) -> int:
        """Number of output elements."""
        return int(self.weights.shape[0])


@dataclass(frozen=True, eq=False)
class Network(Model):
    """A model that the generated engine can run: a DenseChain, or a Graph of any supported operators."""

    @property
    def multiply_accumulates(self) -> int:
        """Per inference, over all layers."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class DenseChain(Network):
    """A network that is a chain of fully-connected layers between one input and one output.

    Attributes:
        layers: at least one; each layer's output feeds the next. Where the dtype of an end is not int8, the layers'
            own int8 codes are reached by quantising (float32) or by flipping the top bit (uint8).
    """

    layers: tuple[FullyConnected, ...]

    @property
    def multiply_accumulates(self) -> int:
        """Per inference, over all layers."""
        return sum(layer.weights.size for layer in self.layers)
