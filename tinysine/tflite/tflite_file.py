"""Content of a .tflite file, as it is stored: tensors, operators, buffers. Their meaning is not judged.

Slot numbers and codes are those of the TensorFlow Lite schema, version 3; a test holds them against the
schema that LiteRT ships.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.tflite.file_kind import FILE_IDENTIFIER, is_tflite
from tinysine.tflite.flatbuffer import Damaged, Table, Tables

Activation = Literal["none", "relu", "relu_n1_to_1", "relu6"]

SCHEMA_VERSION = 3
MOST_OPERATORS = 1000

FLOAT32, FLOAT16, INT32, UINT8, INT16, INT8 = 0, 1, 2, 3, 7, 9
TENSOR_TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool", 7: "int16",
    8: "complex64", 9: "int8", 10: "float64", 11: "complex128", 12: "uint64", 13: "resource", 14: "variant",
    15: "uint32", 16: "uint16", 17: "int4", 18: "bfloat16", 19: "int2", 20: "uint4",
}  # fmt: skip

DEQUANTIZE, FULLY_CONNECTED, CUSTOM, QUANTIZE = 6, 9, 32, 114
DENSE_CHAIN = {DEQUANTIZE: "DEQUANTIZE", FULLY_CONNECTED: "FULLY_CONNECTED", QUANTIZE: "QUANTIZE"}
# The operators that the generated engine may know, by their number in the schema; the schema itself is slow to import.
NAMES = {
    **DENSE_CHAIN,
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 14: "LOGISTIC",
    17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1", 21: "RELU6", 22: "RESHAPE", 25: "SOFTMAX",
    28: "TANH", 34: "PAD", 37: "BATCH_TO_SPACE_ND", 38: "SPACE_TO_BATCH_ND", 40: "MEAN", 41: "SUB", 43: "SQUEEZE",
    45: "STRIDED_SLICE", 60: "PADV2", 70: "EXPAND_DIMS", 77: "SHAPE", 82: "REDUCE_MAX", 83: "PACK",
    98: "LEAKY_RELU", 117: "HARD_SWISH",
}  # fmt: skip
ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}
FULLY_CONNECTED_OPTIONS = 8


@dataclass(frozen=True, eq=False)
class RawQuantization:
    """Scales float32 [k] and zero points int64 [k] as in the file; `details`: there is a custom scheme."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    dimension: int
    details: bool


@dataclass(frozen=True, eq=False)
class RawTensor:
    """One tensor. `constant` is its bytes, a read-only view, None for an activation."""

    index: int
    name: str
    type: int
    shape: tuple[int, ...]
    quantization: RawQuantization | None
    constant: NDArray[np.uint8] | None
    is_variable: bool
    sparse: bool
    external: bool

    @property
    def type_name(self) -> str:
        """Of the dtype, for people."""
        return TENSOR_TYPES.get(self.type, f"type {self.type}")


@dataclass(frozen=True, eq=False)
class RawOperator:
    """One operator: tensor indices, -1 for an optional input that is absent."""

    code: int
    custom_name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    options: Table | None

    @property
    def name(self) -> str:
        """As the schema calls it, such as "CONV_2D"."""
        if self.code == CUSTOM:
            return f"custom operator {self.custom_name!r}"
        return NAMES.get(self.code) or _schema_name(self.code)


class TfliteFile:
    """A .tflite file, each part read when asked for.

    Raises:
        Damaged: the bytes are no FlatBuffer of the right kind, at any access.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 8:
            raise Damaged(f"{len(data)} bytes are too few")
        if not is_tflite(data[:8]):
            raise Damaged(f"bytes 4 to 7 are {data[4:8]!r}, not {FILE_IDENTIFIER!r}")
        model = Table.root(data)
        self.version = model.scalar(0, "I")
        self._operator_codes = model.tables(1)
        self.subgraphs = model.tables(2)
        self._buffers = model.tables(4)
        self._graph: Table | None = None
        self._tensors: tuple[Table, ...] | Tables = ()
        self._operators: tuple[Table, ...] | Tables = ()

    def open_graph(self) -> None:
        """Go to the first subgraph.

        Raises:
            Damaged: there is none.
        """
        if len(self.subgraphs) == 0:
            raise Damaged("it has no subgraph")
        self._graph = self.subgraphs[0]
        self._tensors = self._graph.tables(0)
        self._operators = self._graph.tables(3)

    @property
    def operator_count(self) -> int:
        """Of the open graph."""
        return len(self._operators)

    @property
    def tensor_count(self) -> int:
        """Of the open graph."""
        return len(self._tensors)

    def inputs(self) -> tuple[int, ...]:
        """Tensor indices of the open graph's inputs."""
        return _indices(self._graph, 1)

    def outputs(self) -> tuple[int, ...]:
        """Tensor indices of the open graph's outputs."""
        return _indices(self._graph, 2)

    def operator(self, index: int) -> RawOperator:
        """Read one operator of the open graph."""
        table = _at(self._operators, index, "operators")
        code = _at(self._operator_codes, table.scalar(0, "I"), "operator codes")
        # Codes above 126 did not fit the first, one-byte field; old files have only that one.
        number = max(code.scalar(0, "b"), code.scalar(3, "i"))
        return RawOperator(
            code=number,
            custom_name=code.text(1)[:60],
            version=code.scalar(2, "i", 1),
            inputs=_indices(table, 1),
            outputs=_indices(table, 2),
            options_type=table.scalar(3, "B"),
            options=table.table(4),
        )

    def tensor(self, index: int) -> RawTensor:
        """Read one tensor of the open graph."""
        table = _at(self._tensors, index, "tensors")
        shape = table.array(0, "<i4")
        if shape is not None and shape.size > 8:
            raise Damaged(f"tensor {index} has {shape.size} dimensions")
        buffer = _at(self._buffers, table.scalar(2, "I"), "buffers")
        data = buffer.array(0, "u1")
        return RawTensor(
            index=index,
            name=table.text(3),
            type=table.scalar(1, "b"),
            shape=() if shape is None else tuple(int(n) for n in shape),
            quantization=_quantization(table.table(4)),
            constant=None if data is None or data.size == 0 else data,
            is_variable=bool(table.scalar(5, "B")),
            sparse=table.has(6),
            external=bool(table.scalar(10, "I")) or buffer.scalar(1, "Q") > 1,
        )


def _schema_name(code: int) -> str:
    # Slow to import, and only wanted for an error message.
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    return str(names.get(code, f"operator {code}"))


def _quantization(table: Table | None) -> RawQuantization | None:
    if table is None:
        return None
    scales = table.array(2, "<f4")
    zero_points = table.array(3, "<i8")
    if scales is None or scales.size == 0:
        return None
    return RawQuantization(
        scales=scales,
        zero_points=np.zeros(0, np.int64) if zero_points is None else zero_points,
        dimension=table.scalar(6, "i"),
        details=table.scalar(4, "B") != 0,
    )


def _indices(table: Table | None, slot: int) -> tuple[int, ...]:
    found: NDArray[Any] | None = None if table is None else table.array(slot, "<i4")
    # A list of millions is no fully-connected network; its head is enough to say so.
    return () if found is None else tuple(int(n) for n in found[:64])


def _at(tables: tuple[Table, ...] | Tables, index: int, what: str) -> Table:
    if not 0 <= index < len(tables):
        raise Damaged(f"index {index} into a list of {len(tables)} {what}")
    return tables[index]
