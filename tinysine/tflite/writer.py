"""Plain arrays -> the bytes of a .tflite file: int8 fully-connected chains of any shape and scale.

The converter only makes what training leads to; a harness has to be held against the corners as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from tinysine.tflite.tflite_file import Activation

EndType = Literal["int8", "uint8", "float32"]

_CODES = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One layer to write.

    Attributes:
        weights: int8 [outputs, inputs].
        bias: int32 [outputs], or None for a layer without.
        weight_scales: float32 [1] (per-tensor) or [outputs] (per-channel).
        output: quantisation of what it writes; its scale is rounded to float32.
        activation: fused.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32] | None
    weight_scales: NDArray[np.float32]
    output: Quantization
    activation: Activation = "none"


def write_model(
    layers: Sequence[LayerSpec],
    *,
    input: Quantization,
    input_type: EndType = "int8",
    output_type: EndType = "int8",
) -> bytes:
    """Write a chain of fully-connected layers as a .tflite file.

    Args:
        layers: at least one; widths must fit together (nothing is checked: broken files are wanted too).
        input: int8 quantisation of what the first layer reads.
        input_type: with "float32" or "uint8", a QUANTIZE comes first.
        output_type: with "float32" a DEQUANTIZE comes last, with "uint8" a QUANTIZE.
    """
    graph = GraphWriter()
    width = layers[0].weights.shape[1]
    current = _activation(graph, "input", "int8" if input_type == "int8" else input_type, width, input)
    first = current
    if input_type != "int8":
        quantized = _activation(graph, "input_int8", "int8", width, input)
        graph.operator("QUANTIZE", [current], [quantized])
        current = quantized
    input_scale = input.scale
    for index, layer in enumerate(layers):
        inputs = [
            current,
            graph.tensor(
                f"weights_{index}",
                "int8",
                layer.weights.shape,
                scale=layer.weight_scales,
                data=layer.weights,
            ),
        ]
        if layer.bias is not None:
            scales = input_scale * layer.weight_scales.astype(float)
            inputs.append(
                graph.tensor(f"bias_{index}", "int32", [layer.bias.size], scale=scales, data=layer.bias)
            )
        current = _activation(graph, f"dense_{index}", "int8", layer.weights.shape[0], layer.output)
        options = {"fusedActivationFunction": _CODES[layer.activation]}
        graph.operator("FULLY_CONNECTED", inputs, [current], "FullyConnectedOptions", options)
        input_scale = layer.output.scale
    if output_type != "int8":
        result = _activation(graph, "output", output_type, layers[-1].weights.shape[0], layers[-1].output)
        graph.operator("DEQUANTIZE" if output_type == "float32" else "QUANTIZE", [current], [result])
        current = result
    return graph.finish([first], [current])


def _activation(graph: GraphWriter, name: str, dtype: EndType, width: int, q: Quantization) -> int:
    zero_point = q.zero_point + (128 if dtype == "uint8" else 0)
    scale = None if dtype == "float32" else q.scale
    return graph.tensor(name, dtype, [1, width], scale=scale, zero_point=zero_point)
