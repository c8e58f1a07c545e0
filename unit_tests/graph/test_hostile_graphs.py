"""Graphs that make no sense, or ask for much: refused by operator and tensor, in little time and memory."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinysine.codegen.place import place
from tinysine.codegen.steps import Step
from tinysine.errors import ModelError
from tinysine.graph import Graph, Node, Value, parse_network
from tinysine.oracles import integer_oracle, litert_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter
from trust.damaged_graphs import DAMAGES, MOST_BYTES, MOST_S, read_files

SAME, VALID = 0, 1


def _codes(graph: GraphWriter, name: str, shape: tuple[int, ...], scale: float = 0.1) -> int:
    return graph.tensor(name, "int8", shape, scale=scale)


def _convolution(
    *,
    image: tuple[int, ...] = (1, 4, 4, 1),
    kernel: int = 3,
    padding: int = SAME,
    result: tuple[int, ...] = (1, 4, 4, 2),
    scale: float = 0.1,
    weight_scale: float = 0.1,
    data: bool = True,
) -> bytes:
    graph = GraphWriter()
    first = _codes(graph, "image", image)
    shape = (2, kernel, kernel, 1)
    weights = np.ones(shape, np.int8) if data else None
    kernel_at = graph.tensor("kernel", "int8", shape, scale=weight_scale, data=weights)
    bias = graph.tensor("bias", "int32", (2,), scale=0.01, data=np.zeros(2, np.int32))
    last = _codes(graph, "result", result, scale)
    options = {"padding": padding, "strideH": 1, "strideW": 1}
    graph.operator("CONV_2D", [first, kernel_at, bias], [last], "Conv2DOptions", options)
    return graph.finish([first], [last])


def _circle() -> bytes:
    graph = GraphWriter()
    first, one, other, last = (_codes(graph, name, (1, 4)) for name in ("first", "one", "other", "last"))
    graph.operator("ADD", [first, other], [one], "AddOptions")
    graph.operator("ADD", [one, one], [other], "AddOptions")
    graph.operator("ADD", [one, other], [last], "AddOptions")
    return graph.finish([first], [last])


def _reshaped(shape: tuple[int, ...]) -> bytes:
    graph = GraphWriter()
    first, last = _codes(graph, "first", (1, 4)), _codes(graph, "last", shape)
    graph.operator("RESHAPE", [first], [last])
    return graph.finish([first], [last])


def _two(scale: float) -> bytes:
    graph = GraphWriter()
    first, last = _codes(graph, "first", (1, 4)), _codes(graph, "last", (2, 2))
    middle = _codes(graph, "middle", (4, 1), scale)
    graph.operator("RESHAPE", [first], [middle])
    graph.operator("RESHAPE", [middle], [last])
    return graph.finish([first], [last])


def _joined(axis: int) -> bytes:
    graph = GraphWriter()
    first, last = _codes(graph, "first", (1, 4)), _codes(graph, "last", (1, 8))
    graph.operator("CONCATENATION", [first, first], [last], "ConcatenationOptions", {"axis": axis})
    return graph.finish([first], [last])


def _missing_constant() -> bytes:
    return _convolution(data=False)


def _written_twice() -> bytes:
    graph = GraphWriter()
    first, last = _codes(graph, "first", (1, 4)), _codes(graph, "last", (4,))
    for _ in range(2):
        graph.operator("RESHAPE", [first], [last])
    return graph.finish([first], [last])


BAD: dict[str, tuple[Callable[[], bytes], str, str, str]] = {
    "cyclic": (_circle, "ADD", "other", "is read before anything writes it: the graph has a circle"),
    "written twice": (_written_twice, "RESHAPE", "last", "is written twice"),
    "rank": (lambda: _reshaped((1, 1, 1, 1, 1, 1, 4)), "RESHAPE", "last", "has 7 dimensions; up to 6"),
    "elements": (lambda: _reshaped((1, 5)), "RESHAPE", "last", "another number of elements"),
    "shape": (
        lambda: _convolution(result=(1, 3, 4, 2)),
        *("CONV_2D", "result", "has the shape [1, 3, 4, 2], and the operator makes [1, 4, 4, 2]"),
    ),
    "scale": (lambda: _two(scale=0.0), "RESHAPE", "middle", "scale 0"),
    "scale of an output": (lambda: _convolution(scale=0.0), "CONV_2D", "result", "scale 0"),
    "weight scale": (lambda: _convolution(weight_scale=0.0), "CONV_2D", "kernel", "scale 0"),
    "padding": (
        lambda: _convolution(kernel=5, padding=VALID),
        *("CONV_2D", "result", "leaves no output: a window of 5 on 4, with padding VALID"),
    ),
    "axis": (lambda: _joined(2), "CONCATENATION", "last", "has the axis 2, and there are 2 dimensions"),
    "negative axis": (lambda: _joined(-3), "CONCATENATION", "last", "has the axis -3"),
    "missing constant": (_missing_constant, "CONV_2D", "kernel", "must be a constant stored in the file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_graph_that_makes_no_sense_is_refused_by_operator_and_tensor(name: str) -> None:
    """One line, which names the file, the operator and the tensor."""
    make, operator, tensor, message = BAD[name]
    with pytest.raises(ModelError) as refusal:
        parse_network(make(), file="bad.tflite")
    error = refusal.value
    assert message in error.message
    assert "\n" not in error.message
    assert "bad.tflite" in error.message
    assert (error.operator, error.tensor) == (operator, tensor)
    assert operator in error.message
    assert tensor in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["cyclic", "padding"])
def test_the_command_refuses_such_a_file_with_exit_code_2(name: str, tmp_path: Any) -> None:
    """No traceback, and what is wrong on the first line."""
    path = tmp_path / "bad.tflite"
    path.write_bytes(BAD[name][0]())
    command = [sys.executable, "-m", "tinysine", "build", str(path), "--board", "nano33ble-sense"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert BAD[name][3] in ran.stderr


def _shared(operators: int, channels: int) -> bytes:
    """Pointwise convolutions one after another, all with the same weights and bias."""
    graph = GraphWriter()
    rng = np.random.default_rng(3)
    values = [_codes(graph, f"value{i}", (1, 2, 2, channels)) for i in range(operators + 1)]
    weights = rng.integers(-127, 128, (channels, 1, 1, channels)).astype(np.int8)
    shared = [
        graph.tensor("weights", "int8", weights.shape, scale=0.02, data=weights),
        graph.tensor("bias", "int32", (channels,), scale=0.002, data=np.arange(channels, dtype=np.int32)),
    ]
    for one, other in itertools.pairwise(values):
        options = {"padding": SAME, "strideH": 1, "strideW": 1}
        graph.operator("CONV_2D", [one, *shared], [other], "Conv2DOptions", options)
    return graph.finish([values[0]], [values[-1]])


def test_constants_may_be_shared() -> None:
    """Two convolutions with one weight tensor compute what LiteRT computes."""
    model = parse_network(_shared(2, 5), file="shared")
    inputs = sample_inputs(model, seed=0, count=16).codes
    expected = litert_oracle(model).run(inputs)
    np.testing.assert_array_equal(integer_oracle(model, Rounding.LITERT).run(inputs), expected)


@pytest.mark.parametrize("operators", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_shared_constants_count_at_each_reading(operators: int) -> None:
    """A file of 300 kB, whose operators would make up to 64 MB of tables."""
    data = _shared(operators, 256)
    assert len(data) < 400_000
    with pytest.raises(ModelError, match="brings the constants beyond 4,194,304 bytes") as refusal:
        _within_bounds(lambda: parse_network(data, file="bomb"))
    assert refusal.value.operator == "CONV_2D"


def _large_convolution(shape: tuple[int, ...], image: tuple[int, int], padding: int) -> bytes:
    graph = GraphWriter()
    outputs, rows, columns, inputs = shape
    output = image if padding == SAME else (image[0] - rows + 1, image[1] - columns + 1)
    first = _codes(graph, "first", (1, *image, inputs))
    weights = graph.tensor("weights", "int8", shape, scale=0.02, data=np.ones(shape, np.int8))
    bias = graph.tensor("bias", "int32", (outputs,), scale=0.002, data=np.zeros(outputs, np.int32))
    last = _codes(graph, "last", (1, *output, outputs))
    options = {"padding": padding, "strideH": 1, "strideW": 1}
    graph.operator("CONV_2D", [first, weights, bias], [last], "Conv2DOptions", options)
    return graph.finish([first], [last])


@pytest.mark.parametrize("shape", [(128, 1, 1, 32_000), (24_000, 1, 1, 128), (1000, 64, 64, 1)])
def test_four_megabytes_of_weights_take_little(shape: tuple[int, ...]) -> None:
    """Bounds of all accumulators are worked out, whatever the weights' shape is."""
    data = _large_convolution(shape, (64, 64) if shape[1] > 1 else (1, 1), VALID)
    assert isinstance(_within_bounds(lambda: parse_network(data, file="large")), Graph)


def test_a_huge_result_is_refused() -> None:
    """A file of a few hundred bytes cannot ask for megabytes that are pooled away at once."""
    graph = GraphWriter()
    first, huge = _codes(graph, "first", (1, 2000, 2000, 1)), _codes(graph, "huge", (1, 2000, 2000, 9))
    weights = graph.tensor("weights", "int8", (9, 1, 1, 1), scale=0.1, data=np.ones((9, 1, 1, 1), np.int8))
    bias = graph.tensor("bias", "int32", (9,), scale=0.01, data=np.zeros(9, np.int32))
    steps = {"padding": SAME, "strideH": 1, "strideW": 1}
    graph.operator("CONV_2D", [first, weights, bias], [huge], "Conv2DOptions", steps)
    last = _codes(graph, "last", (1, 1, 1, 9))
    pool = {"filterHeight": 1, "filterWidth": 1, "strideH": 2000, "strideW": 2000}
    graph.operator("MAX_POOL_2D", [huge], [last], "Pool2DOptions", pool)
    data = graph.finish([first], [last])
    with pytest.raises(ModelError, match="has more than 16,777,216 bytes") as refusal:
        _within_bounds(lambda: parse_network(data, file="x"))
    assert (refusal.value.operator, refusal.value.tensor) == ("CONV_2D", "huge")


@pytest.mark.long
def test_a_thousand_values_are_placed_in_little_time() -> None:
    """Values of random sizes, read at random distances: no order packs them at the bound."""
    rng = np.random.default_rng(1)
    values = [Value("", np.dtype(np.int8), (int(n),), None) for n in rng.integers(1, 5000, 1001)]
    read_at: dict[int, list[Value]] = {}
    for number, value in enumerate(values[:-1]):
        read_at.setdefault(min(number + int(rng.integers(1, 40)), 1000), []).append(value)
    nodes = tuple(
        Node("ADD", (values[number - 1], *read_at.get(number, ())), values[number])
        for number in range(1, 1001)
    )
    graph = Graph(
        source=b"",
        sha256="",
        inputs=(),
        outputs=(),
        nodes=nodes,
        given=(values[0],),
        wanted=(values[-1],),
    )
    placement = _within_bounds(lambda: place(graph, [Step(node=node, kernel="x") for node in nodes]))
    assert placement.bound_bytes < placement.arena_bytes < 1.25 * placement.bound_bytes


def _within_bounds(act: Callable[[], Any]) -> Any:
    began = time.process_time()
    with contextlib.suppress(ModelError):
        act()
    assert time.process_time() - began < MOST_S
    tracemalloc.start()  # which makes everything slow
    try:
        return act()
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < MOST_BYTES


def test_damaged_graphs_are_read_or_refused() -> None:
    """A slice of `python -m trust damaged_graphs`: every kind of damage, and both outcomes."""
    tally = read_files(range(600))
    assert tally.failures == []
    assert set(tally.refused) == set(DAMAGES)
    assert tally.read


def test_the_campaign_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that breaks, and one that takes long, are told with the file's number."""

    def broken(_: bytes) -> None:
        raise ValueError("no")

    monkeypatch.setattr("trust.damaged_graphs.read_or_refused", broken)
    assert read_files([7]).failures == ["file 7, pieces cut, put in or moved: ValueError: no"]
    monkeypatch.setattr("trust.damaged_graphs.MOST_S", -1.0)
    monkeypatch.setattr("trust.damaged_graphs.read_or_refused", lambda _: None)
    assert "file 7, pieces cut, put in or moved: takes 0.0 s and" in read_files([7]).failures[0]


@pytest.mark.parametrize("operator", ["CONV_2D", "MAX_POOL_2D"])
def test_an_image_beyond_the_tables_is_refused(operator: str) -> None:
    """Rows are counted in 16 bits: 70,001 of them would be taken for 4,465."""
    graph = GraphWriter()
    ends = [
        graph.tensor("x", "int8", [1, 70001, 1, 1], scale=0.5),
        graph.tensor("y", "int8", [1, 350, 1, 1], scale=0.5),
    ]
    if operator == "CONV_2D":
        weights = graph.tensor("w", "int8", [1, 3, 1, 1], scale=0.5, data=np.ones((1, 3, 1, 1), np.int8))
        bias = graph.tensor("b", "int32", [1], scale=0.25, data=np.zeros(1, np.int32))
        options = {"padding": 1, "strideH": 200, "strideW": 1}
        graph.operator(operator, [ends[0], weights, bias], ends[1:], "Conv2DOptions", options)
    else:
        options = {"padding": 1, "strideH": 200, "strideW": 1, "filterHeight": 3, "filterWidth": 1}
        graph.operator(operator, ends[:1], ends[1:], "Pool2DOptions", options)
    with pytest.raises(ModelError, match=rf"operator {operator}, .*: has 70,001 rows, columns or channels"):
        parse_network(graph.finish(ends[:1], ends[1:]), file="tall")
