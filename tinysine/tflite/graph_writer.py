"""Tensors and operators, one by one -> the bytes of a .tflite file. Nothing is checked: broken files are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinysine.tflite import tflite_file as raw
from tinysine.tflite.file_kind import FILE_IDENTIFIER

TYPES = {"int8": raw.INT8, "uint8": raw.UINT8, "int32": raw.INT32, "float32": raw.FLOAT32}
# The kernels' own versions: the first that know int8, and per-channel weights; 1 for all others.
VERSIONS = {
    "FULLY_CONNECTED": 12,
    "DEQUANTIZE": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "SOFTMAX": 2,
    "LOGISTIC": 2,
    "TANH": 2,
    "ADD": 2,
    "SUB": 2,
    "MUL": 2,
    "AVERAGE_POOL_2D": 2,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "REDUCE_MAX": 2,
    "CONCATENATION": 2,
    "PAD": 2,
    "PADV2": 2,
    "RELU": 2,
    "RELU6": 2,
    "LEAKY_RELU": 2,
    "STRIDED_SLICE": 2,
    "PACK": 2,
    "SPACE_TO_BATCH_ND": 2,
    "BATCH_TO_SPACE_ND": 2,
}


class GraphWriter:
    """A .tflite file under construction."""

    def __init__(self) -> None:
        from ai_edge_litert import schema_py_generated  # noqa: PLC0415 - costs 0.2 s

        self._schema: Any = schema_py_generated
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[str] = []
        self._buffers: list[bytes] = [b""]

    def tensor(
        self,
        name: str,
        dtype: str,
        shape: Sequence[int],
        *,
        scale: ArrayLike | None = None,
        zero_point: int = 0,
        dimension: int = 0,
        data: NDArray[Any] | None = None,
    ) -> int:
        """Add a tensor.

        Args:
            name: as it stands in the file.
            dtype: a key of TYPES.
            shape: each dimension.
            scale: one, or one for each element along `dimension`; None for a tensor without quantisation.
            zero_point: of all of them.
            data: of a constant, in the dtype.
        Returns:
            its index.
        """
        tensor = self._schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, TYPES[dtype], list(shape), 0
        if data is not None:
            self._buffers.append(
                np.ascontiguousarray(data).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
            )
            tensor.buffer = len(self._buffers) - 1
        if scale is not None:
            with np.errstate(over="ignore", under="ignore"):  # a bias scale may leave float32; nobody uses it
                scales = np.atleast_1d(np.asarray(scale)).astype(np.float32)
            q = self._schema.QuantizationParametersT()
            q.scale = scales
            q.zeroPoint = np.full(scales.size, zero_point, np.int64)
            q.quantizedDimension = dimension
            tensor.quantization = q
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an operator.

        Args:
            name: as the schema calls it, such as "CONV_2D".
            inputs, outputs: tensors, -1 for an optional one that is absent.
            options: name of its table of options in the schema, such as "Conv2DOptions"; None for none.
            fields: of the options, by the names that the schema's Python has, such as "strideH".
        """
        if name not in self._codes:
            self._codes.append(name)
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._codes.index(name)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(self._schema, f"{options}T")()
            for field, value in (fields or {}).items():
                setattr(operator.builtinOptions, field, value)
        self._operators.append(operator)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Return the file."""
        import flatbuffers  # noqa: PLC0415 - comes with the schema

        subgraph = self._schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs, subgraph.outputs = list(inputs), list(outputs)
        model = self._schema.ModelT()
        model.version = raw.SCHEMA_VERSION
        model.description = "tinysine"
        model.subgraphs = [subgraph]
        model.buffers = [AlignedBuffer(self._schema, data) for data in self._buffers]
        model.operatorCodes = []
        for name in self._codes:
            entry = self._schema.OperatorCodeT()
            entry.builtinCode = getattr(self._schema.BuiltinOperator, name)
            entry.deprecatedBuiltinCode = min(entry.builtinCode, 127)
            entry.version = VERSIONS.get(name, 1)
            model.operatorCodes.append(entry)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return bytes(builder.Output())


class AlignedBuffer:
    """A buffer, its bytes 16-byte aligned as the schema demands of C++ writers."""

    def __init__(self, schema: Any, data: bytes) -> None:
        self._schema = schema
        self._data = data

    def Pack(self, builder: Any) -> int:
        """Write itself, as the schema's own tables do."""
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
