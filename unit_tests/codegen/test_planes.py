"""Convolutions joined by planes: which are, what keeps them from it, and the assembly on its cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import GeneratedEngine, Room, generate
from tinysine.graph import Graph, Network, parse_network
from tinysine.oracles import integer_oracle
from tinysine.quantization import Quantization, Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import AMPLE, Variant
from trust.operators import separable

READER = "ts_depthwise_planes_s8"
WRITERS = {"ts_lanes_planes_s8", "ts_pointwise_8_planes_s8", "ts_rgb_planes_s8"}
MODELS, INPUTS = 14, 6


def pair(
    size: tuple[int, int] = (8, 8),
    channels: int = 12,
    outputs: int = 8,
    *,
    stride: int = 1,
    zero_point: int = -128,
    padded: bool = True,
    more: str = "",
) -> Graph:
    """A pointwise convolution and a depthwise one, of padding SAME or, not padded, VALID.

    `more` is what else there is: "output", the value between is one; "add", it is read twice; "pointwise", another
    pointwise convolution behind them.
    """
    rng, graph, q = np.random.default_rng(5), GraphWriter(), Quantization(0.02, 3)
    after = Quantization(0.02, zero_point)

    def convolve(source: int, name: str, shape: list[int], output: list[int], step: int) -> int:
        depthwise = shape[1] == 3
        count = outputs
        reach = 127 * 64 * np.sqrt(np.prod(shape) / count)
        scales = np.full(count, 128 / reach)
        tensors = [
            source,
            graph.tensor(
                f"{name} weights",
                "int8",
                shape,
                scale=scales,
                dimension=3 if depthwise else 0,
                data=rng.integers(-127, 128, shape),
            ),
            graph.tensor(f"{name} bias", "int32", [count], scale=0.02 * scales, data=np.zeros(count, int)),
        ]
        result = graph.tensor(name, "int8", output, scale=after.scale, zero_point=after.zero_point)
        kind = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        fields = {"padding": int(not padded), "strideH": step, "strideW": step, "fusedActivationFunction": 1}
        graph.operator(
            kind[0], tensors, [result], kind[1], fields | ({"depthMultiplier": 1} if depthwise else {})
        )
        return result

    first = graph.tensor("input", "int8", [1, *size, channels], scale=q.scale, zero_point=q.zero_point)
    between = convolve(first, "between", [outputs, 1, 1, channels], [1, *size, outputs], 1)
    shape = [1, *(-(-(n if padded else n - 2) // stride) for n in size), outputs]
    last = convolve(between, "last", [1, 3, 3, outputs], shape, stride)
    wanted = [last]
    if more == "pointwise":
        wanted = [convolve(last, "third", [outputs, 1, 1, outputs], shape, 1)]
    if more == "output":
        wanted.append(between)
    elif more == "add":
        total = graph.tensor("sum", "int8", [1, *size, outputs], scale=after.scale, zero_point=zero_point)
        graph.operator("ADD", [last, between], [total], "AddOptions", {})
        wanted = [total]
    model = parse_network(graph.finish([first], wanted), file="pair")
    assert isinstance(model, Graph)
    return model


def engine_of(model: Network, room: Room | None = AMPLE, core: str = "cortex-m4") -> GeneratedEngine:
    """Its engine for TensorFlow Lite Micro."""
    return generate(model, rounding=Rounding.TFLM, core=core, room=room)


@pytest.mark.parametrize(
    ("model", "kernels"),
    [
        (pair(), ("ts_lanes_planes_s8", READER)),
        (pair(stride=2), ("ts_lanes_planes_s8", READER)),
        (pair(channels=8, stride=2), ("ts_pointwise_8_planes_s8", READER)),
        (pair(padded=False), ("ts_lanes_planes_s8", READER)),
        (pair(channels=8, padded=False), ("ts_pointwise_8_planes_s8", READER)),
        # An odd number of columns before the image: no word has the columns that are computed together.
        (pair(channels=8), ("ts_pointwise_8_s8", "ts_depthwise_3x3_s8")),
        (pair((8, 7)), ("ts_lanes_short_s8", "ts_depthwise_3x3_s8")),
        (pair((7, 8)), ("ts_lanes_short_s8", "ts_depthwise_3x3_s8")),
        (pair((6, 6), stride=2), ("ts_lanes_short_s8", "ts_depthwise_3x3_stride_2_s8")),
        (pair(outputs=6), ("ts_lanes_short_s8", "ts_depthwise_3x3_s8")),
        (pair(more="output"), ("ts_lanes_short_s8", "ts_depthwise_3x3_s8")),
        (pair(more="add"), ("ts_lanes_short_s8", "ts_depthwise_3x3_s8")),
    ],
)
def test_pairs_are_joined_where_it_is_possible(model: Graph, kernels: tuple[str, str]) -> None:
    """Only one reads the value between, and the shape fits; the report says so."""
    layers = engine_of(model).layers
    assert tuple(layer.kernel for layer in layers[:2]) == kernels
    assert ("into planes" in layers[0].reason) == ("planes_s8" in layers[0].kernel)


def test_memory_has_to_be_there() -> None:
    """Without a board none are taken, nor where the arena would not fit it."""
    model = pair()
    arena = engine_of(model).arena_bytes
    assert engine_of(model, Room(1 << 20, arena)).layers[1].kernel == READER
    for room in (Room(1 << 20, arena - 1), None):
        assert engine_of(model, room).layers[1].kernel == "ts_depthwise_3x3_s8"
    assert engine_of(model, core="cortex-m3").layers[1].kernel == "ts_depthwise_s8"


def test_what_planes_make_is_widened_for_the_next() -> None:
    """The pointwise convolution behind widens nothing, where the arena has two bytes a code."""
    model = pair(outputs=12, more="pointwise")

    def kernels(room: Room) -> list[str]:
        return [layer.kernel for layer in engine_of(model, room).layers]

    assert kernels(AMPLE) == ["ts_lanes_planes_s8", READER, "ts_lanes_pairs_s8"]
    arena = engine_of(model).arena_bytes
    assert kernels(Room(1 << 20, arena - 1)) == ["ts_lanes_planes_s8", READER, "ts_lanes_short_s8"]


@pytest.mark.long
@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_the_assembly_equals_the_integers(compiler: str, tmp_path: Path) -> None:
    """On an emulated core: every output, and no byte beyond the arena."""
    variant = Variant("cortex-m4", compiler, "speed")
    models = {
        f"e{seed}": parse_network(separable.draw(np.random.default_rng([seed, 0x9A])), file=f"{seed}")
        for seed in range(MODELS)
    }
    # Nothing is filled around an image that is not padded.
    models |= {f"valid{n}": pair(channels=n, padded=False) for n in (8, 12)}
    engines = {name: engine_of(model) for name, model in models.items()}
    assert {layer.kernel for engine in engines.values() for layer in engine.layers} >= {READER, *WRITERS}
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    for name, model in models.items():
        inputs = sample_inputs(model, seed=1, count=INPUTS).codes
        got = machine.run(name, inputs, outputs=list(model.outputs))
        assert not isinstance(got, str), f"{name}: {got}"
        np.testing.assert_array_equal(got, integer_oracle(model, Rounding.TFLM).run(inputs), err_msg=name)
