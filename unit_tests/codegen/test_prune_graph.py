"""Channels of graphs that are proved dead are folded away, and every answer stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tinysine.codegen.intervals import intervals
from tinysine.codegen.prune_graph import prune_graph
from tinysine.graph import Graph, graph_with_rounding, parse_network
from tinysine.graph.convolution import Convolution
from tinysine.oracles import integer_oracle
from tinysine.oracles.integer.nodes import RUNNERS
from tinysine.quantization import Quantization, Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import arrays_of
from tinysine.tflite.graph_writer import GraphWriter
from trust.conformance.networks import Case, Variant
from trust.conformance.trial import try_cases
from trust.operators import DRAWS

AT_ONCE = ("cortex-m4", "gcc")
CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7")
_SURE = 1 << 22  # a bias that no sum of these small layers makes up for


def small_network(seed: int, *, padding: int = 0) -> Graph:
    """A network as for a camera: 3 x 3 with stride 2, then depthwise and pointwise layers, a pool, a dense layer."""
    rng = np.random.default_rng(seed)
    graph, q = GraphWriter(), Quantization(0.05, -128)
    size = 12
    shape = (1, size, size, 3)
    value = first = graph.tensor("input", "int8", shape, scale=0.02, zero_point=int(rng.integers(-128, 128)))
    scale = 0.02

    def layer(name: str, outputs: int, taps: int, stride: int) -> None:
        nonlocal value, shape, scale
        depthwise = name.startswith("depthwise")
        channels = shape[3]
        kernel = (1, taps, taps, channels) if depthwise else (outputs, taps, taps, channels)
        weights = rng.integers(-127, 128, kernel)
        scales = (
            40 * q.scale / (127 * 64 * np.sqrt(weights.size / outputs) * scale) * rng.uniform(0.5, 2, outputs)
        )
        rows = -(-shape[1] // stride) if padding == 0 else (shape[1] - taps) // stride + 1
        constants = [
            graph.tensor(
                f"{name} weights", "int8", kernel, scale=scales, dimension=3 if depthwise else 0, data=weights
            ),
            graph.tensor(
                f"{name} bias",
                "int32",
                [outputs],
                scale=scale * scales,
                data=rng.integers(-4000, 4000, outputs),
            ),
        ]
        shape, scale = (1, rows, rows, outputs), q.scale
        result = graph.tensor(name, "int8", shape, scale=q.scale, zero_point=q.zero_point)
        fields = {"padding": padding, "strideH": stride, "strideW": stride, "fusedActivationFunction": 1}
        if depthwise:
            fields["depthMultiplier"] = 1
        names = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        graph.operator(names[0], [value, *constants], [result], names[1], fields)
        value = result

    layer("first", 8, 3, 2)
    layer("depthwise 1", 8, 3, 1)
    layer("pointwise 1", 16, 1, 1)
    layer("depthwise 2", 16, 3, 2 if padding == 0 else 1)
    layer("pointwise 2", 12, 1, 1)
    pooled = graph.tensor("pooled", "int8", (1, 1, 1, 12), scale=q.scale, zero_point=q.zero_point)
    window = {"padding": 1, "strideH": 1, "strideW": 1, "filterHeight": shape[1], "filterWidth": shape[2]}
    graph.operator("AVERAGE_POOL_2D", [value], [pooled], "Pool2DOptions", window)
    flat = graph.tensor("flat", "int8", (1, 12), scale=q.scale, zero_point=q.zero_point)
    graph.operator(
        "RESHAPE",
        [pooled, graph.tensor("shape", "int32", [2], data=np.array([1, 12]))],
        [flat],
        "ReshapeOptions",
        {},
    )
    output = graph.tensor("output", "int8", (1, 3), scale=0.2, zero_point=5)
    dense = [
        graph.tensor("dense weights", "int8", (3, 12), scale=0.02, data=rng.integers(-127, 128, (3, 12))),
        graph.tensor("dense bias", "int32", [3], scale=0.02 * q.scale, data=rng.integers(-4000, 4000, 3)),
    ]
    graph.operator("FULLY_CONNECTED", [flat, *dense], [output], "FullyConnectedOptions", {})
    model = parse_network(graph.finish([first], [output]), file="small")
    assert isinstance(model, Graph)
    return model


def planted(graph: Graph, seed: int, *, share: float = 0.4) -> Graph:
    """Give some channels of each convolution a bias beyond what its inputs can make up for, in either direction."""
    rng = np.random.default_rng(seed)
    nodes = [_with_dead(node, rng, share) if isinstance(node, Convolution) else node for node in graph.nodes]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def _with_dead(node: Convolution, rng: np.random.Generator, share: float) -> Convolution:
    least, greatest = node.bounds
    real = node.multiplier * 2.0 ** (node.shift - 31.0)
    reach = np.minimum(greatest - least + 256 / np.maximum(real, 1e-6), 2.0**27).astype(np.int64)
    dead = (rng.random(node.outputs) < share) & (node.shift <= 0)
    moved = node.bias + np.where(rng.random(node.outputs) < 0.75, -1, 1) * reach
    return dataclasses.replace(node, bias=np.where(dead, moved, node.bias).astype(np.int32))


def pruned_equals(graph: Graph, rounding: Rounding, seed: int) -> int:
    """Hold the answers of a pruned graph against the whole one's; returns how many channels were left out."""
    ready = graph_with_rounding(graph, rounding)
    pruned, found = prune_graph(ready, rounding)
    inputs = sample_inputs(graph, seed=seed, count=16).codes
    whole, narrow = (integer_oracle(each, rounding).run(inputs) for each in (graph, pruned))
    for one, other in zip(arrays_of(whole), arrays_of(narrow), strict=True):
        np.testing.assert_array_equal(other, one)
    assert pruned.multiply_accumulates <= ready.multiply_accumulates
    return sum(each.left_out for each in found)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("padding", [0, 1])
def test_dead_channels_of_a_network_for_a_camera_are_left_out(rounding: Rounding, padding: int) -> None:
    """Through depthwise layers, a pool and a change of shape; with padding, and without."""
    left_out = [
        pruned_equals(planted(small_network(seed, padding=padding), seed), rounding, seed)
        for seed in range(6)
    ]
    assert min(left_out) >= 4


def test_nothing_is_left_out_where_nothing_is_dead() -> None:
    """The graph comes back as it was."""
    graph = graph_with_rounding(small_network(3), Rounding.LITERT)
    pruned, found = prune_graph(graph, Rounding.LITERT)
    assert found == ()
    assert all(one is other for one, other in zip(pruned.nodes, graph.nodes, strict=True))


def test_pruned_graphs_are_the_same_functions() -> None:
    """Random graphs with branches, their convolutions' channels dead by turns: each answers as before."""
    left_out = 0
    for seed in range(40):
        model = parse_network(DRAWS["GRAPH"](np.random.default_rng(seed)), file="drawn")
        if isinstance(model, Graph):
            left_out += pruned_equals(planted(model, seed), Rounding.LITERT, seed)
    assert left_out > 40


def test_intervals_hold_every_code() -> None:
    """Each value of random graphs stays between the ends that were proved, and some ends are met."""
    met = 0
    for seed in range(16):
        model = parse_network(DRAWS["GRAPH"](np.random.default_rng(1000 + seed)), file="drawn")
        assert isinstance(model, Graph)
        graph = graph_with_rounding(planted(model, seed), Rounding.TFLM)
        ends = intervals(graph, Rounding.TFLM)
        batch = arrays_of(sample_inputs(model, seed=seed, count=16).codes)
        known = {id(value): array for value, array in zip(graph.given, batch, strict=True)}
        for node in graph.nodes:
            sources = tuple(known[id(value)] for value in node.sources)
            known[id(node.result)] = codes = RUNNERS[node.operator](node, sources, Rounding.TFLM)
            between = ends[id(node.result)]
            assert (between.low <= codes).all()
            assert (codes <= between.high).all()
            met += int((between.low == codes).sum())
    assert met > 400


def test_a_channel_under_padding_stays_where_its_code_is_not_zero() -> None:
    """Padding is the zero point there: a constant of another code has no place in the bias of what is padded."""
    graph = graph_with_rounding(small_network(1), Rounding.LITERT)
    first = graph.nodes[0]
    assert isinstance(first, Convolution)

    def left_out(bias: int) -> list[str]:
        changed = dataclasses.replace(
            first, bias=np.where(np.arange(8) < 4, bias, first.bias).astype(np.int32)
        )
        _, found = prune_graph(dataclasses.replace(graph, nodes=(changed, *graph.nodes[1:])), Rounding.LITERT)
        return [each.tensor for each in found]

    assert left_out(-_SURE) == ["first", "depthwise 1"]
    assert left_out(_SURE) == []


@pytest.mark.needs("unicorn")
@pytest.mark.parametrize(
    ("core", "compiler"),
    [
        (core, compiler)
        if (core, compiler) == AT_ONCE
        else pytest.param(core, compiler, marks=pytest.mark.long)
        for core in CORES
        for compiler in ("gcc", "zig")
    ],
)
def test_pruned_engines_answer_as_whole_ones(core: str, compiler: str, require: Callable[[str], str]) -> None:
    """On emulated cores: what is generated with --prune, held against the integers of the whole graph."""
    require({"gcc": "arm-none-eabi-gcc", "zig": "ziglang"}[compiler])
    seeds = range(4 if (core, compiler) == AT_ONCE else 12)
    models = [planted(small_network(seed, padding=seed % 2), seed) for seed in seeds[:4]]
    models += [
        planted(model, seed)
        for seed in seeds
        if isinstance(
            model := parse_network(DRAWS["GRAPH"](np.random.default_rng(seed)), file="drawn"), Graph
        )
    ]
    cases = [
        Case(
            number=number,
            variant=Variant(core, compiler, "speed"),
            rounding=Rounding.LITERT,
            model=model,
            inputs=sample_inputs(model, seed=number, count=16).codes,
            operator="GRAPH",
            prune=True,
        )
        for number, model in enumerate(models)
    ]
    assert sum(len(case.engine.pruned) for case in cases) > len(cases)
    assert [result.failure for result in try_cases(cases)] == [""] * len(cases)
