"""Networks that are not supported: the reason is that of the whole file, not of its first odd detail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.errors import ModelError
from tinysine.graph import parse_network, read_network

CASES = Path(__file__).parents[1] / "cases"
Edit = Callable[[Any], None]

FROM_CONVERTERS = (
    ("float16", "float16 weights and computes in float32", "tinysine convert FILE --representative"),
)


@pytest.mark.parametrize(
    ("name", "problem", "hint"), FROM_CONVERTERS, ids=[row[0] for row in FROM_CONVERTERS]
)
def test_a_converters_file_is_diagnosed(name: str, problem: str, hint: str) -> None:
    """Each says the reason, and what to do."""
    with pytest.raises(ModelError, match=r"^[^\n]+$") as refusal:
        read_network(CASES / f"{name}.tflite")
    assert problem in refusal.value.message
    assert hint in refusal.value.hint


def _types(*, activations: int, weights: int) -> Edit:
    """The model's chain without its conversions, of other types."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        del graph.operators[3], graph.operators[0]
        for tensor in graph.tensors:
            name = tensor.name if isinstance(tensor.name, str) else tensor.name.decode()
            tensor.type = weights if name.startswith("weights") else activations
        graph.inputs, graph.outputs = graph.operators[0].inputs[:1], graph.operators[1].outputs

    return change


def _codes(*codes: int) -> Edit:
    """The operators, in their order, called something else; 0: as they are."""

    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        for operator, code in zip(model.subgraphs[0].operators, codes, strict=True):
            if code:
                added = schema.OperatorCodeT()
                added.builtinCode = added.deprecatedBuiltinCode = code
                operator.opcodeIndex = len(model.operatorCodes)
                model.operatorCodes.append(added)

    return change


def _both(*edits: Edit) -> Edit:
    def change(model: Any) -> None:
        for edit in edits:
            edit(model)

    return change


FLOAT32, UINT8, INT16, INT8 = 0, 3, 7, 9
GATHER, LOG_SOFTMAX, ARG_MAX, TRANSPOSE_CONV = 36, 50, 56, 67

MADE: dict[str, tuple[Edit, str, str]] = {
    "float": (
        _types(activations=FLOAT32, weights=FLOAT32),
        "is a float32 model: nothing in it",
        "--representative",
    ),
    "dynamic range": (
        _types(activations=FLOAT32, weights=INT8),
        "has int8 weights and computes in float32",
        "--representative",
    ),
    "int16": (_types(activations=INT16, weights=INT8), "computes in int16", "int8"),
    "uint8": (_types(activations=UINT8, weights=UINT8), "computes in uint8", "int8"),
    "other operators": (
        _codes(0, TRANSPOSE_CONV, GATHER, 0),
        "uses TRANSPOSE_CONV, GATHER: not supported",
        "--engine DIR",
    ),
    "log softmax before the end's conversion": (
        _codes(0, 0, LOG_SOFTMAX, 0),
        "ends in LOG_SOFTMAX",
        "logits",
    ),
    "argmax at the end": (_codes(0, 0, ARG_MAX, 0), "ends in ARG_MAX", "argmax of the outputs"),
    "log softmax in the middle": (
        _codes(0, LOG_SOFTMAX, 0, 0),
        "uses LOG_SOFTMAX: not supported",
        "--engine DIR",
    ),
    "float, and other operators": (
        _both(_types(activations=FLOAT32, weights=FLOAT32), _codes(GATHER, 0)),
        "is a float32 model: nothing in it is quantised; it uses GATHER: not supported",
        "--engine DIR",
    ),
}


@pytest.mark.parametrize("case", MADE)
def test_a_made_file_is_diagnosed(case: str, edited: Callable[[Edit], bytes]) -> None:
    """Kinds of arithmetic and of operators, and both at once, in one line."""
    change, problem, hint = MADE[case]
    with pytest.raises(ModelError, match=r"^[^\n]+$") as refusal:
        parse_network(edited(change), file="net.tflite")
    assert problem in refusal.value.message
    assert hint in refusal.value.hint


def test_subgraphs_come_first(edited: Callable[[Edit], bytes]) -> None:
    """Control flow has graphs of its own; what is in them is not looked at."""

    def change(model: Any) -> None:
        model.subgraphs = model.subgraphs * 3

    with pytest.raises(ModelError, match="3 subgraphs") as refusal:
        parse_network(edited(change), file="net.tflite")
    assert "branches and loops" in refusal.value.hint


def test_a_detail_of_a_good_kind_keeps_its_own_message(edited: Callable[[Edit], bytes]) -> None:
    """A network of the right kind with one wrong number is told that number."""

    def change(model: Any) -> None:
        model.subgraphs[0].operators[1].builtinOptions.fusedActivationFunction = 4

    with pytest.raises(ModelError, match="fused activation tanh"):
        parse_network(edited(change), file="net.tflite")
