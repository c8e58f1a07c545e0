"""Plain arrays -> the bytes of a .tflite file: int8 fully-connected chains of any shape and scale.

The converter only makes what training leads to; a harness has to be held against the corners as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.file_kind import FILE_IDENTIFIER
from tinysine.tflite.tflite_file import Activation

EndType = Literal["int8", "uint8", "float32"]

_CODES = {"none": 0, "relu": 1, "relu6": 3}
_TYPES = {"int8": raw.INT8, "uint8": raw.UINT8, "float32": raw.FLOAT32}
# The kernels' own versions: the first that know int8, and per-channel dense weights.
_VERSIONS = {raw.FULLY_CONNECTED: 12, raw.QUANTIZE: 1, raw.DEQUANTIZE: 2}


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
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - costs 0.2 s

    graph = _Graph(schema)
    width = layers[0].weights.shape[1]
    current = graph.activation("input", "int8" if input_type == "int8" else input_type, width, input)
    first = current
    if input_type != "int8":
        quantized = graph.activation("input_int8", "int8", width, input)
        graph.operator(raw.QUANTIZE, [current], quantized)
        current = quantized
    input_scale = input.scale
    for index, layer in enumerate(layers):
        inputs = [current, graph.weights(f"weights_{index}", layer)]
        if layer.bias is not None:
            inputs.append(
                graph.bias(f"bias_{index}", layer.bias, input_scale * layer.weight_scales.astype(float))
            )
        current = graph.activation(f"dense_{index}", "int8", layer.weights.shape[0], layer.output)
        graph.operator(raw.FULLY_CONNECTED, inputs, current, fused=_CODES[layer.activation])
        input_scale = layer.output.scale
    if output_type != "int8":
        result = graph.activation("output", output_type, layers[-1].weights.shape[0], layers[-1].output)
        graph.operator(raw.DEQUANTIZE if output_type == "float32" else raw.QUANTIZE, [current], result)
        current = result
    return graph.finish(first, current)


class _AlignedBuffer:
    """Packs as the schema's Buffer does, its bytes 16-byte aligned as the schema demands of C++ writers."""

    def __init__(self, schema: Any, data: bytes) -> None:
        self._schema = schema
        self._data = data

    def Pack(self, builder: Any) -> int:
        where = 0
        if self._data:
            builder.StartVector(1, len(self._data), 16)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            where = builder.EndVector()
        self._schema.BufferStart(builder)
        if self._data:
            self._schema.BufferAddData(builder, where)
        return int(self._schema.BufferEnd(builder))


@dataclass
class _Graph:
    """The file under construction."""

    schema: Any
    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=lambda: [b""])

    def activation(self, name: str, type_name: EndType, width: int, q: Quantization) -> int:
        zero_point = q.zero_point + (128 if type_name == "uint8" else 0)
        scales = None if type_name == "float32" else np.array([q.scale], np.float32)
        return self._tensor(name, _TYPES[type_name], [1, width], scales, zero_point)

    def weights(self, name: str, layer: LayerSpec) -> int:
        self.buffers.append(layer.weights.astype(np.int8).tobytes())
        return self._tensor(
            name, raw.INT8, list(layer.weights.shape), layer.weight_scales, 0, buffer=len(self.buffers) - 1
        )

    def bias(self, name: str, bias: NDArray[np.int32], scales: NDArray[Any]) -> int:
        self.buffers.append(bias.astype("<i4").tobytes())
        return self._tensor(name, raw.INT32, [bias.size], scales, 0, buffer=len(self.buffers) - 1)

    def _tensor(
        self,
        name: str,
        type_code: int,
        shape: list[int],
        scales: NDArray[Any] | None,
        zero_point: int,
        *,
        buffer: int = 0,
    ) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, type_code, shape, buffer
        if scales is not None:
            with np.errstate(over="ignore", under="ignore"):  # a bias scale may leave float32; nobody uses it
                scales = np.asarray(scales).astype(np.float32)
            q = self.schema.QuantizationParametersT()
            q.scale = scales
            q.zeroPoint = np.full(scales.size, zero_point, np.int64)
            q.quantizedDimension = 0
            tensor.quantization = q
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, code: int, inputs: list[int], output: int, *, fused: int | None = None) -> None:
        if code not in self.codes:
            self.codes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = inputs, [output]
        if fused is not None:
            operator.builtinOptionsType = raw.FULLY_CONNECTED_OPTIONS
            operator.builtinOptions = self.schema.FullyConnectedOptionsT()
            operator.builtinOptions.fusedActivationFunction = fused
        self.operators.append(operator)

    def finish(self, first: int, last: int) -> bytes:
        import flatbuffers  # noqa: PLC0415 - comes with the schema

        subgraph = self.schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors, subgraph.operators = self.tensors, self.operators
        subgraph.inputs, subgraph.outputs = [first], [last]
        model = self.schema.ModelT()
        model.version = raw.SCHEMA_VERSION
        model.description = "tinysine"
        model.subgraphs = [subgraph]
        model.buffers = [_AlignedBuffer(self.schema, data) for data in self.buffers]
        model.operatorCodes = []
        for code in self.codes:
            entry = self.schema.OperatorCodeT()
            entry.builtinCode = entry.deprecatedBuiltinCode = code
            entry.version = _VERSIONS[code]
            model.operatorCodes.append(entry)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return bytes(builder.Output())
