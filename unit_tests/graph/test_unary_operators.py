"""Operators of one source that no engine can run as written: one line each, which names operator and tensor."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import parse_network
from tinysine.tflite.graph_writer import GraphWriter


def unary(
    operator: str,
    options: str | None = None,
    *,
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((1, 4), (1, 4)),
    scales: tuple[float | None, float | None] = (0.1, 0.1),
    zero_points: tuple[int, int] = (0, 0),
    dtypes: tuple[str, str] = ("int8", "int8"),
    inputs: tuple[int, ...] = (0,),
    outputs: tuple[int, ...] = (1,),
    **fields: Any,
) -> bytes:
    """Write a model of one operator, from tensor `source` to tensor `result`.

    Args:
        operator, options: as the schema calls them.
        shapes, scales, zero_points, dtypes: of the two tensors.
        inputs, outputs: of the operator.
        fields: of the options.
    """
    graph = GraphWriter()
    for name, dtype, shape, scale, zero_point in zip(
        ("source", "result"), dtypes, shapes, scales, zero_points, strict=True
    ):
        graph.tensor(name, dtype, shape, scale=scale, zero_point=zero_point)
    graph.operator(operator, inputs, outputs, options, fields)
    return graph.finish([0], [1])


def refused(data: bytes, *, operator: str, tensor: str, problem: str) -> ModelError:
    """Have a model refused, in one line that names the tensor, and the operator unless it is an end of the model."""
    with pytest.raises(ModelError) as caught:
        parse_network(data, file="m.tflite")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.facts["tensor"] == tensor
    assert caught.value.facts["operator"] in {operator, None}
    return caught.value


def softmax(**changes: Any) -> bytes:
    """Write a softmax; what is not changed is sound."""
    sound = {"scales": (0.1, 1 / 256), "zero_points": (0, -128), "beta": 1.0}
    return unary("SOFTMAX", "SoftmaxOptions", **{**sound, **changes})


@pytest.mark.parametrize(
    ("changes", "problem", "tensor"),
    [
        ({"scales": (0.1, 1 / 255)}, "the references demand 1/256 and -128", "result"),
        ({"zero_points": (0, -127)}, "the zero point -127", "result"),
        ({"shapes": ((1, 4), (1, 5))}, "the operator makes [1, 4]", "result"),
        ({"shapes": ((), ())}, "without dimensions", "result"),
        ({"shapes": ((1, 512), (1, 512))}, "taken over 512 elements", "result"),
        ({"beta": 0.0}, "has beta 0", "result"),
        ({"beta": -1.0}, "has beta -1", "result"),
        ({"beta": float("nan")}, "has beta nan", "result"),
        ({"scales": (1e-9, 1 / 256)}, "scale 1e-09", "result"),
        ({"inputs": (0, 0)}, "has 2 inputs", "result"),
        ({"inputs": (-1,)}, "has no input 0", "result"),
        ({"outputs": (0,)}, "written twice", "source"),
    ],
)
def test_a_softmax_that_makes_no_sense_is_refused(changes: dict[str, Any], problem: str, tensor: str) -> None:
    """A SOFTMAX that the references refuse, or whose shapes contradict each other, is refused."""
    refused(softmax(**changes), operator="SOFTMAX", tensor=tensor, problem=problem)


def test_a_softmax_over_too_many_elements_says_how_to_do_without() -> None:
    """Both references abort on a flat row of 512; the logits tell the same class."""
    data = softmax(shapes=((1, 1000), (1, 1000)))
    error = refused(data, operator="SOFTMAX", tensor="result", problem="abort on a flat row")
    assert "end the model at the logits" in error.hint


POOL = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}


def pool(operator: str, **changes: Any) -> bytes:
    """Write a pool; what is not changed is sound."""
    sound = {"shapes": ((1, 4, 6, 3), (1, 2, 3, 3)), **POOL}
    return unary(operator, "Pool2DOptions", **{**sound, **changes})


@pytest.mark.parametrize("operator", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize(
    ("changes", "problem", "tensor"),
    [
        ({"shapes": ((4, 6, 3), (2, 3, 3))}, "4 dimensions are needed", "result"),
        ({"shapes": ((1, 4, 6, 3), (1, 2, 2, 3))}, "the operator makes [1, 2, 3, 3]", "result"),
        ({"shapes": ((1, 4, 6, 3), (1, 2, 3, 2))}, "the operator makes [1, 2, 3, 3]", "result"),
        ({"filterHeight": 5}, "leaves no output", "result"),
        ({"filterWidth": 0}, "has the kernel 2 x 0", "result"),
        ({"strideH": 0}, "has the stride 0 x 2", "result"),
        ({"strideW": -1}, "has the stride 2 x -1", "result"),
        ({"padding": 2}, "padding of kind 2", "result"),
        ({"scales": (0.1, 0.2)}, "changes the scale or the zero point", "result"),
        ({"zero_points": (0, 1)}, "changes the scale or the zero point", "result"),
        ({"scales": (0.1, 0.0)}, "has the scale 0", "result"),
        ({"fusedActivationFunction": 4}, "fused activation tanh", "result"),
        ({"inputs": (0, 0)}, "has 2 inputs", "result"),
        ({"outputs": (0,)}, "written twice", "source"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(
    operator: str, changes: dict[str, Any], problem: str, tensor: str
) -> None:
    """A padding that leaves nothing, a stride of nothing, shapes and scales that contradict each other."""
    refused(pool(operator, **changes), operator=operator, tensor=tensor, problem=problem)


@pytest.mark.parametrize(
    "operator", ["LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH"]
)
@pytest.mark.parametrize(
    ("changes", "problem", "tensor"),
    [
        ({"shapes": ((1, 4), (1, 5))}, "the operator makes [1, 4]", "result"),
        ({"shapes": ((1, 4), (4, 1))}, "the operator makes [1, 4]", "result"),
        ({"inputs": (0, 0)}, "has 2 inputs", "result"),
        ({"inputs": (-1,)}, "has no input 0", "result"),
        ({"inputs": (1,)}, "a circle", "result"),
        ({"outputs": (0,)}, "written twice", "source"),
    ],
)
def test_an_activation_of_contradicting_ends_is_refused(
    operator: str, changes: dict[str, Any], problem: str, tensor: str
) -> None:
    """One code is made of one code."""
    fields = {"options": "LeakyReluOptions", "alpha": 0.1} if operator == "LEAKY_RELU" else {}
    refused(unary(operator, **fields, **changes), operator=operator, tensor=tensor, problem=problem)


@pytest.mark.parametrize(
    ("operator", "changes", "problem"),
    [
        ("LOGISTIC", {"scales": (0.1, 0.1), "zero_points": (0, -128)}, "demand 1/256 and -128"),
        ("LOGISTIC", {"scales": (0.1, 1 / 256)}, "the zero point 0; the references demand"),
        ("LOGISTIC", {"scales": (1e-9, 1 / 256), "zero_points": (0, -128)}, "scale 1e-09, for which"),
        ("TANH", {"scales": (0.1, 0.1)}, "demands 1/128 and 0"),
        ("TANH", {"scales": (0.1, 1 / 128), "zero_points": (0, 1)}, "the zero point 1; the spec"),
        ("TANH", {"scales": (1e-9, 1 / 128)}, "scale 1e-09, for which"),
        ("RELU", {"scales": (1e9, 0.1)}, "codes leave int32"),
        ("RELU", {"scales": (1e38, 1e-38)}, "codes leave int32"),
        ("RELU6", {"scales": (0.1, 1e-9)}, "too small to express 6"),
        ("RELU6", {"scales": (1e-9, 0.1)}, "too small to express 6"),
        ("RELU_N1_TO_1", {"scales": (0.1, 1e-10)}, "too small to express -1"),
        ("LEAKY_RELU", {"options": "LeakyReluOptions", "alpha": -0.5}, "alpha -0.5"),
        ("LEAKY_RELU", {"options": "LeakyReluOptions", "alpha": float("nan")}, "alpha nan"),
        ("LEAKY_RELU", {"options": "LeakyReluOptions", "alpha": float("inf")}, "codes leave int32"),
        ("LEAKY_RELU", {"options": "SoftmaxOptions", "beta": 1.0}, "options of kind 9"),
        ("HARD_SWISH", {"scales": (1.0, 1e-3)}, "too far apart"),
        ("HARD_SWISH", {"scales": (1e-3, 1e3)}, "too far apart"),
        ("HARD_SWISH", {"scales": (1e9, 1e9)}, "too far apart"),
        ("QUANTIZE", {"dtypes": ("uint8", "uint8")}, "converts uint8 to uint8"),
    ],
)
def test_an_activation_that_the_references_leave_undefined_is_refused(
    operator: str, changes: dict[str, Any], problem: str
) -> None:
    """Scales and factors whose answers are no integers of 32 bits, or that a reference itself refuses."""
    refused(unary(operator, **changes), operator=operator, tensor="result", problem=problem)


@pytest.mark.parametrize(
    ("shape", "scale", "problem"),
    [((1, 4), 1e-11, "codes leave int32"), ((1, 5), 0.1, "the operator makes [1, 4]")],
)
def test_a_quantize_between_codes_that_makes_no_sense_is_refused(
    shape: tuple[int, ...], scale: float, problem: str
) -> None:
    """Behind another operator, so that the file is no chain of dense layers."""
    graph = GraphWriter()
    first, middle = (graph.tensor(name, "int8", (1, 4), scale=0.1) for name in ("first", "middle"))
    result = graph.tensor("result", "int8", shape, scale=scale)
    graph.operator("RELU", [first], [middle])
    graph.operator("QUANTIZE", [middle], [result])
    refused(graph.finish([first], [result]), operator="QUANTIZE", tensor="result", problem=problem)


def reduction(
    operator: str,
    axes: tuple[int, ...] | None,
    *,
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((1, 4, 6, 3), (1, 3)),
    keep: bool = False,
    scales: tuple[float, float] = (0.1, 0.1),
    kind: str = "int32",
) -> bytes:
    """Write a reduction; without axes, its second input is the source."""
    graph = GraphWriter()
    source = graph.tensor("source", "int8", shapes[0], scale=scales[0])
    result = graph.tensor("result", "int8", shapes[1], scale=scales[1])
    where = (
        source if axes is None else graph.tensor("axes", kind, (len(axes),), scale=0.1, data=np.array(axes))
    )
    graph.operator(operator, [source, where], [result], "ReducerOptions", {"keepDims": keep})
    return graph.finish([source], [result])


@pytest.mark.parametrize("operator", ["MEAN", "REDUCE_MAX"])
@pytest.mark.parametrize(
    ("changes", "problem", "tensor"),
    [
        ({"axes": (1, 4)}, "reduces axis 4 of an input of 4 dimensions", "axes"),
        ({"axes": (-5,)}, "reduces axis -5", "axes"),
        ({"axes": (1,)}, "the operator makes [1, 6, 3]", "result"),
        ({"axes": (1, 2), "keep": True}, "the operator makes [1, 1, 1, 3]", "result"),
        ({"axes": None}, "has int8 data where int32", "source"),
        ({"axes": (1, 2), "kind": "int8"}, "has int8 where int32", "axes"),
        ({"axes": (1,) * 65}, "has 65 numbers", "axes"),
    ],
)
def test_a_reduction_that_makes_no_sense_is_refused(
    operator: str, changes: dict[str, Any], problem: str, tensor: str
) -> None:
    """Axes out of range or not in the file, and shapes that contradict them."""
    refused(reduction(operator, **changes), operator=operator, tensor=tensor, problem=problem)


@pytest.mark.parametrize(
    ("operator", "scales", "problem"),
    [
        ("MEAN", (1.0, 1e-10), "scales its sum by 1e+10"),
        ("MEAN", (1.0, 1e-8), "beyond int32"),
        ("REDUCE_MAX", (0.1, 0.2), "changes the scale"),
    ],
)
def test_a_reduction_between_scales_too_far_apart_is_refused(
    operator: str, scales: tuple[float, float], problem: str
) -> None:
    """A sum that leaves int32, and a maximum that would be rescaled."""
    refused(reduction(operator, (1, 2), scales=scales), operator=operator, tensor="result", problem=problem)


@pytest.mark.parametrize(
    "operator", ["RELU", "RELU6", "RELU_N1_TO_1", "HARD_SWISH", "LOGISTIC", "TANH", "QUANTIZE", "MEAN"]
)
def test_scales_of_any_size_are_read_or_refused(operator: str) -> None:
    """From the least float32 to the greatest, each against each: a network, or a ModelError."""
    sizes = (1e-45, 1e-38, 1e-9, 0.1, 1e9, 3e38)
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    for scale, other in itertools.product(sizes, sizes):
        if operator == "MEAN":
            data = reduction(operator, (1, 2), scales=(scale, other))
        else:
            result, zero_point = fixed.get(operator, (other, 127))
            data = unary(operator, scales=(scale, result), zero_points=(-128, zero_point))
        with contextlib.suppress(ModelError):
            parse_network(data, file="m.tflite")
