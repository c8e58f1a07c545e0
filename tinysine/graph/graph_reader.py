"""The tensors and operators of a file -> a graph."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.dilation import fuse_dilations
from tinysine.graph.graph import Graph, Node, Value
from tinysine.graph.operator_reader import Budget, OperatorReader, read_value
from tinysine.graph.operators import READERS
from tinysine.graph.refusal import refuse_operator
from tinysine.model.ends import read_ends
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.refusal import refuse_file


def read_graph(data: bytes, *, file: str) -> Graph:
    """Read every operator of a file, in its order.

    Args:
        data: the whole file.
        file: for messages.
    Raises:
        ModelError: not a network that is supported.
        Damaged: the bytes contradict themselves.
    """
    tflite = raw.TfliteFile(data)
    if tflite.version != raw.SCHEMA_VERSION:
        refuse_file(file, f"has schema version {tflite.version}; {raw.SCHEMA_VERSION} is supported")
    if len(tflite.subgraphs) != 1:
        refuse_file(file, f"has {len(tflite.subgraphs)} subgraphs; one is supported")
    tflite.open_graph()
    if not 1 <= tflite.operator_count <= raw.MOST_OPERATORS:
        refuse_file(file, f"has {tflite.operator_count} operators; 1 to {raw.MOST_OPERATORS} are supported")
    values = {index: read_value(tflite.tensor(index), file=file) for index in tflite.inputs()}
    read: list[tuple[Node, OperatorReader]] = []
    folded: dict[int, NDArray[np.int32]] = {}
    budget = Budget()
    for number in range(tflite.operator_count):
        operator = tflite.operator(number)
        reader = OperatorReader(tflite, operator, values, folded, budget, file=file)
        if operator.name not in READERS:
            refuse_operator(reader.refuse, operator.name)
        node = READERS[operator.name](reader)
        if node is not None:
            read.append((node, reader))
    # After the operators: of an output that is wrong they can say which of them writes it.
    inputs, outputs = read_ends(tflite, file=file)
    given = tuple(values[index] for index in tflite.inputs())
    wanted = tuple(_written(tflite, index, values, given, file=file) for index in tflite.outputs())
    return Graph(
        source=data,
        sha256=hashlib.sha256(data).hexdigest(),
        inputs=inputs,
        outputs=outputs,
        nodes=fuse_dilations(read, wanted),
        given=given,
        wanted=wanted,
    )


def _written(
    tflite: raw.TfliteFile, index: int, values: dict[int, Value], given: tuple[Value, ...], *, file: str
) -> Value:
    value = values.get(index)
    if value is None or any(value is each for each in given):
        name = tflite.tensor(index).name[:80]
        refuse_file(file, f"has an output, tensor {name!r}, that no operator writes", tensor=name)
    return value
