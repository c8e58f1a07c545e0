"""A model cut off behind one of its operators: the same file, whose one output is what that operator writes.

Nothing is written anew. The bytes stay where they are; the list of outputs names another tensor, and the list of
operators ends earlier. What the cut model does not use any more is still in the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from tinysine.tflite.flatbuffer import Damaged, Table, Vector
from tinysine.tflite.refusal import refuse_file
from tinysine.tflite.tflite_file import MOST_OPERATORS, RawOperator, RawTensor, TfliteFile

# Slots of the schema.
_SUBGRAPHS, _SIGNATURES = 2, 7  # of a model
_OUTPUTS, _OPERATORS = 2, 3  # of a subgraph

_WORD = struct.Struct("<I")


@dataclass(frozen=True)
class CutPoint:
    """A place where a model can be cut off.

    Attributes:
        layer: number of the operator in the file, from 0.
        operator: its name in the schema, such as "CONV_2D".
        tensor: index of what it writes.
        name: of that tensor, as in the file.
        output: which of the operator's outputs it is, from 0.
    """

    layer: int
    operator: str
    tensor: int
    name: str
    output: int = 0


def cut_points(data: bytes, *, file: str) -> tuple[CutPoint, ...]:
    """Return every tensor that an operator of the first subgraph writes, in the order of the operators.

    Args:
        data: the whole .tflite file.
        file: its name, for messages.
    Raises:
        ModelError: more operators than are supported.
        Damaged: the bytes contradict themselves.
    """
    tflite = _opened(data)
    if tflite.operator_count > MOST_OPERATORS:
        refuse_file(file, f"has {tflite.operator_count} operators; {MOST_OPERATORS} are supported")
    points = []
    for layer in range(tflite.operator_count):
        operator = tflite.operator(layer)
        points += [
            CutPoint(layer, operator.name, index, tflite.tensor(index).name, output)
            for output, index in enumerate(operator.outputs)
            if index >= 0
        ]
    return tuple(points)


def cut_behind(data: bytes, point: CutPoint, *, file: str) -> bytes:
    """Return the model that ends with one tensor, and has no operator behind the one that writes it.

    Operators before it stay, also those whose result is not needed any more: the cost of one operator is what the model
    cut behind it costs more than the model cut before it. Signatures, which name other outputs, are left out.

    Args:
        data: the whole .tflite file.
        point: one of its `cut_points`.
        file: its name, for messages.
    Returns:
        as many bytes as `data`; `data` itself where nothing has to be cut.
    Raises:
        ModelError: the file has no output, or keeps its lists in bytes that it also uses for something else.
        Damaged: the bytes contradict themselves.
    """
    before = _opened(data)
    if before.outputs() == (point.tensor,) and before.operator_count == point.layer + 1:
        return data
    model = Table.root(data)
    graph = model.tables(_SUBGRAPHS)[0]
    outputs, operators = graph.vector(_OUTPUTS, 4), graph.vector(_OPERATORS, 4)
    if outputs is None or outputs.length == 0:
        refuse_file(file, "has no output")
    if operators is None or operators.length <= point.layer:
        raise Damaged(f"layer {point.layer} is none of the file's")
    cut = bytearray(data)
    _shorten(cut, outputs, 1)
    _WORD.pack_into(cut, outputs.start, point.tensor)
    _shorten(cut, operators, point.layer + 1)
    if signatures := model.vector(_SIGNATURES, 4):
        _shorten(cut, signatures, 0)
    result = bytes(cut)
    if not _is_beginning(before, result, point):
        refuse_file(file, "cannot be cut off behind a layer: its lists share bytes with each other")
    return result


def _opened(data: bytes) -> TfliteFile:
    tflite = TfliteFile(data)
    tflite.open_graph()
    return tflite


def _shorten(data: bytearray, vector: Vector, length: int) -> None:
    _WORD.pack_into(data, vector.start - _WORD.size, length)  # where the format keeps it


def _is_beginning(whole: TfliteFile, cut: bytes, point: CutPoint) -> bool:
    """Tell whether a cut file has the operators and tensors of the whole one, up to the cut, and the one output."""
    try:
        part = _opened(cut)
        layers, tensors = range(point.layer + 1), range(whole.tensor_count)
        return (
            part.outputs() == (point.tensor,)
            and part.inputs() == whole.inputs()
            and part.operator_count == len(layers)
            and part.tensor_count == len(tensors)
            and all(_same_operator(whole.operator(n), part.operator(n)) for n in layers)
            and all(_same_tensor(whole.tensor(n), part.tensor(n)) for n in tensors)
        )
    except Damaged:
        return False


def _same_operator(one: RawOperator, other: RawOperator) -> bool:
    facts = ("code", "custom_name", "version", "inputs", "outputs", "options_type")
    return all(getattr(one, fact) == getattr(other, fact) for fact in facts)


def _same_tensor(one: RawTensor, other: RawTensor) -> bool:
    if (one.name, one.type, one.shape) != (other.name, other.type, other.shape):
        return False
    if not np.array_equal(_bytes(one), _bytes(other)):
        return False
    mine, yours = one.quantization, other.quantization
    if mine is None or yours is None:
        return mine is yours
    return np.array_equal(mine.scales, yours.scales, equal_nan=True) and np.array_equal(
        mine.zero_points, yours.zero_points
    )


def _bytes(tensor: RawTensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.zeros(0, np.uint8) if tensor.constant is None else tensor.constant
