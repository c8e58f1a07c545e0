"""The reason why a network is not supported, found by looking at the whole file.

The readers stop at the first operator or tensor that they cannot take. That is often a detail: of a
float16 model it is the operator that unpacks the weights. Here the kind of the arithmetic, the operators and the
shapes of the whole file are looked at, and everything that is in the way is said in one line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tinysine.errors import ModelError
from tinysine.graph.operators import READERS
from tinysine.graph.refusal import END_AT_LOGITS, SUPPORTED
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.flatbuffer import Damaged
from tinysine.tflite.refusal import QUANTISE, listed

MOST_INPUTS = 8
MOST_NAMES = 12

_NO_ARITHMETIC = ("QUANTIZE", "DEQUANTIZE")
_LOGITS = {
    "LOG_SOFTMAX": END_AT_LOGITS,
    "ARG_MAX": "end the model before it and take the argmax of the outputs",
}


@dataclass(frozen=True)
class _Obstacle:
    """Obstacle in a model: a verb phrase about the file, and a hint."""

    problem: str
    hint: str


@dataclass(frozen=True)
class _Operator:
    name: str
    inputs: tuple[raw.RawTensor, ...]
    output: raw.RawTensor


def diagnose(data: bytes, *, file: str) -> ModelError | None:
    """Look for what keeps a network from being supported as a whole.

    Args:
        data: a .tflite file.
        file: its name, for the message.
    Returns:
        An error with everything that was found; None where nothing of the kind was, or the file is too damaged
        to be looked at.
    """
    with contextlib.suppress(Damaged):
        tflite = raw.TfliteFile(data)
        if len(tflite.subgraphs) != 1:
            return ModelError(
                f"{file} has {len(tflite.subgraphs)} subgraphs; one is supported",
                hint="convert one signature, of a network without branches and loops",
                file=file,
            )
        tflite.open_graph()
        operators = list(_operators(tflite))
        found = [*_arithmetic(operators), *_unsupported(operators)]
        if found:
            # The same advice is given once.
            hints = dict.fromkeys(obstacle.hint for obstacle in found)
            return ModelError(
                f"{file} {'; it '.join(obstacle.problem for obstacle in found)}",
                hint="; ".join(hints),
                file=file,
                operator=next((op.name for op in operators if op.name not in READERS), None),
            )
    return None


def _operators(tflite: raw.TfliteFile) -> Iterator[_Operator]:
    tensors: dict[int, raw.RawTensor] = {}

    def tensor(index: int) -> raw.RawTensor:
        if index not in tensors:
            tensors[index] = tflite.tensor(index)
        return tensors[index]

    for number in range(min(tflite.operator_count, raw.MOST_OPERATORS)):
        operator = tflite.operator(number)
        inputs = tuple(tensor(index) for index in operator.inputs[:MOST_INPUTS] if index >= 0)
        if operator.outputs:
            yield _Operator(operator.name, inputs, tensor(operator.outputs[0]))


def _arithmetic(operators: list[_Operator]) -> Iterator[_Obstacle]:
    """Yield the dtypes that the network computes in, other than int8, as obstacles."""
    working = [op for op in operators if op.name not in _NO_ARITHMETIC]
    in_float = [op for op in working if op.output.type == raw.FLOAT32]
    if in_float:
        yield _Obstacle(_kind_of_float(operators, working, in_float), QUANTISE)
    for number in (raw.INT16, raw.UINT8):
        if any(op.output.type == number for op in working):
            yield _Obstacle(
                f"computes in {raw.TENSOR_TYPES[number]}; int8 is supported",
                f"quantise it to int8: {QUANTISE}",
            )


def _kind_of_float(operators: list[_Operator], working: list[_Operator], in_float: list[_Operator]) -> str:
    stored = [tensor for op in operators for tensor in op.inputs if tensor.constant is not None]
    if any(tensor.type == raw.FLOAT16 for tensor in stored):
        return "has float16 weights and computes in float32: it is not quantised to int8"
    unpacked = {op.output.index for op in operators if op.name == "DEQUANTIZE" and op.inputs[:1] != ()}
    in_int8 = [
        op
        for op in in_float
        if any(tensor.type == raw.INT8 and tensor.constant is not None for tensor in op.inputs)
        or any(tensor.index in unpacked and tensor is not op.inputs[0] for tensor in op.inputs)
    ]
    if in_int8:
        return "has int8 weights and computes in float32: it is quantised for dynamic range, not to int8"
    if len(in_float) == len(working):
        return "is a float32 model: nothing in it is quantised"
    names = listed(dict.fromkeys(op.name for op in in_float), most=MOST_NAMES)
    return f"computes partly in float32 ({names}): it is not quantised to int8 throughout"


def _unsupported(operators: list[_Operator]) -> Iterator[_Obstacle]:
    strange = [op for op in operators if op.name not in READERS]
    if not strange:
        return
    last = next((op for op in reversed(operators) if op.name not in _NO_ARITHMETIC), None)
    if len(strange) == 1 and strange[0] is last and last.name in _LOGITS:
        yield _Obstacle(f"ends in {last.name}, which is not supported", _LOGITS[last.name])
    else:
        yield _Obstacle(
            f"uses {listed(dict.fromkeys(op.name for op in strange), most=MOST_NAMES)}: not supported",
            SUPPORTED,
        )
