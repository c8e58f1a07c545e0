"""Winograd's minimal filtering in integers: exact, proved where it may be used, and the assembly on its cores."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import Room, generate
from tinysine.codegen.kernels.winograd import LARGE, SMALL, Filter, transform_weights, weight_stream, winograd
from tinysine.codegen.scaled_sum import channel_sums
from tinysine.codegen.steps import Step
from tinysine.graph import Graph, parse_network
from tinysine.graph.convolution import Convolution
from tinysine.image.sources import firmware_root
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding, requantize_double, wrap_int32
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import AMPLE, Variant
from trust.operators.conv_2d import draw_3x3

# How the kernel transforms a line of codes, and folds a line of sums: written down a second time.
CODES = {
    LARGE: np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    SMALL: np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
}
FOLDS = {
    LARGE: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 2]]),
    SMALL: np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
}
TILES = [pytest.param(LARGE, id="4x4"), pytest.param(SMALL, id="2x2")]
VARIANTS = [
    Variant(core, compiler, "speed") for core in ("cortex-m4", "cortex-m7") for compiler in ("gcc", "zig")
]
NEEDS_GCC = pytest.mark.needs("arm-none-eabi-gcc")
CHUNKS = [
    pytest.param(
        n,
        marks=[
            pytest.mark.long,
            *([NEEDS_GCC] if VARIANTS[n % len(VARIANTS)].compiler == "gcc" else []),
        ],
    )
    for n in range(len(VARIANTS))
]


def layer(
    *,
    image: tuple[int, int] = (8, 8),
    inputs: int = 16,
    outputs: int = 16,
    weight: int | None = None,
    bias: int = 0,
    fused: int = 1,
) -> Graph:
    """One convolution of 3 x 3 taps; its weights are random, or all one number."""
    rng = np.random.default_rng([inputs, outputs])
    weights = rng.integers(-20, 21, (outputs, 3, 3, inputs)).astype(np.int8)
    if weight is not None:
        weights[...] = weight
    graph = GraphWriter()
    first = graph.tensor("input", "int8", (1, *image, inputs), scale=0.1, zero_point=0)
    scales = np.full(outputs, 0.01, np.float32)
    tensors = [
        first,
        graph.tensor("weights", "int8", weights.shape, scale=scales, dimension=0, data=weights),
        graph.tensor("bias", "int32", (outputs,), scale=0.1 * scales, data=np.full(outputs, bias, np.int32)),
    ]
    last = graph.tensor("output", "int8", (1, *image, outputs), scale=0.113, zero_point=-128 if fused else 3)
    options = {"padding": 0, "strideH": 1, "strideW": 1, "fusedActivationFunction": fused}
    graph.operator("CONV_2D", tensors, [last], "Conv2DOptions", options)
    model = parse_network(graph.finish([first], [last]), file="a layer")
    assert isinstance(model, Graph)
    return model


def node_of(model: Graph) -> Convolution:
    """The only node."""
    (node,) = model.nodes
    assert isinstance(node, Convolution)
    return node


@pytest.mark.parametrize("tile", TILES)
def test_the_transforms_are_exact(tile: Filter) -> None:
    """Products of transformed weights and codes fold to the scaled sums of 3 x 3 taps, and all factors fit 16 bits."""
    rng = np.random.default_rng(5)
    size = tile.side + 2
    corners = np.array(list(itertools.product((-128, 127), repeat=9)), np.int64).reshape(-1, 3, 3)
    weights = np.concatenate([corners, rng.integers(-128, 128, (500, 3, 3))])
    # Each position's greatest and least value: codes at the ends, by the signs of its row and its column.
    signs = np.einsum("ij,kl->ikjl", CODES[tile], CODES[tile]).reshape(-1, size, size)
    ends = np.concatenate([np.where(signs > 0, 127, -128), np.where(signs < 0, 127, -128)])
    patches = np.concatenate([ends, rng.integers(-128, 128, (200, size, size))])
    u = transform_weights(weights, tile)
    codes = patches + tile.offset
    v = np.einsum("ij,njk,lk->nli", CODES[tile], codes, CODES[tile]).reshape(len(codes), -1)
    for factors in (u, v):
        assert factors.min() >= -(2**15)
        assert factors.max() < 2**15
    products = (u[:, None] * v[None]).reshape(len(u), len(v), size, size)  # columns first
    folded = np.einsum("ij,uvkj,lk->uvil", FOLDS[tile], products, FOLDS[tile])
    windows = np.lib.stride_tricks.sliding_window_view(codes, (3, 3), axis=(1, 2))
    np.testing.assert_array_equal(folded, tile.scale * np.einsum("ujk,viljk->uvil", weights, windows))


@pytest.mark.parametrize("tile", TILES)
def test_the_stream_stands_in_the_order_of_its_use(tile: Filter) -> None:
    """Two output channels, positions, planes: each word holds two inputs of four, even ones first."""
    node = node_of(layer(inputs=6, outputs=3))
    words = weight_stream(node, tile).reshape(2, tile.positions, 2, 2, 2)
    halves = np.stack(
        [(words << 48) >> 48, words >> 16], -1
    )  # [block, position, quad, parity, channel, half]
    filled = np.zeros((4, 8, tile.positions), np.int64)
    filled[:3, :6] = transform_weights(node.weights.transpose(0, 3, 1, 2), tile)
    for output, given in itertools.product(range(4), range(8)):
        quad, place = divmod(given, 4)
        half, parity = divmod(place, 2)
        got = halves[output // 2, :, quad, parity, output % 2, half]
        np.testing.assert_array_equal(got, filled[output, given])


def test_a_sum_beyond_the_bound_falls_back() -> None:
    """576 times the largest sum has to fit int32, with a move of the bias; beyond, tiles are small, or none."""
    most = (2**31 - 2**14) // 576
    reach = 128 * 9 * 16
    for bias, kernel in (
        (most - reach, "ts_winograd_4x4"),
        (most - reach + 1, "ts_winograd_2x2"),
        (2**24 - reach, "ts_winograd_2x2"),
        (2**29 - reach, "ts_conv_runs"),
    ):
        model = layer(image=(16, 16), weight=-1, bias=bias)
        assert node_of(model).bounds[1].max() == bias + reach
        chosen = generate(model, rounding=Rounding.TFLM, core="cortex-m4", room=AMPLE).layers[0]
        assert chosen.kernel.startswith(kernel), (bias, chosen)
    assert winograd(node_of(layer(bias=most - 5)), 0, LARGE) == (
        f"a sum may reach {int(np.abs(node_of(layer(bias=most - 5)).bounds).max()):,}, too much for tiles of 4x4"
    )


@pytest.mark.long
@pytest.mark.parametrize("tile", TILES)
def test_each_requantisation_is_the_references_everywhere(tile: Filter) -> None:
    """At the scale of the tiles, each accumulator gives the reference's code."""
    proved: Counter[str] = Counter()
    for seed in range(40):
        model = parse_network(draw_3x3(np.random.default_rng([seed, 0x57])), file=f"convolution {seed}")
        assert isinstance(model, Graph)
        node = node_of(model)
        low, high = node.bounds
        folded = node.folded_bias
        clamp = node.clamp_min, node.clamp_max
        for channel, found in enumerate(channel_sums(node, tile.scale) or ()):
            proved[found.kind] += 1
            acc = np.concatenate([np.arange(low[channel], high[channel], 911), [high[channel]]])
            sums = tile.scale * acc + wrap_int32(found.bias - tile.scale * folded[channel])
            assert np.abs(sums).max() < 2**31
            if found.kind == "exact":
                first = (sums // tile.scale * 2 * found.multiplier + 2**31) >> 32
                got = (first + (first >> 31) + found.term) >> found.last
            else:
                got = ((sums * found.multiplier >> 32) + found.term - (sums < 0) * found.last) >> 12
            multiplier, shift = node.multiplier[[channel]], node.shift[[channel]]
            wanted = requantize_double(acc[:, None], multiplier, shift)[:, 0] + node.result.codes.zero_point
            np.testing.assert_array_equal(np.clip(got, *clamp), np.clip(wanted, *clamp), str(seed))
    assert min(proved[kind] for kind in ("short", "signed", "exact")) > 10, proved


def test_the_fastest_kernel_is_taken_for_which_there_is_room() -> None:
    """Flash for eight bytes a weight, for three and a half, or for one; memory likewise; and the report says why."""
    model = layer(image=(32, 32), inputs=32, outputs=32)

    def chosen(flash: int, ram: int = 1 << 20) -> tuple[str, str]:
        room = Room(flash, ram)
        engine = generate(model, rounding=Rounding.TFLM, core="cortex-m4", room=room)
        assert sum(engine.constant_bytes) <= flash
        assert engine.arena_bytes <= ram
        return engine.layers[0].kernel, engine.layers[0].reason

    weights = 32 * 32 * 9
    assert chosen(9 * weights)[0] == "ts_winograd_4x4_s8"
    assert chosen(4 * weights)[0] == "ts_winograd_2x2_s8"
    kernel, reason = chosen(2 * weights)
    assert kernel == "ts_lanes_short_s8"
    assert "ts_winograd_2x2_s8 does not fit the flash" in reason
    large, small = (winograd(node_of(model), 0, tile) for tile in (LARGE, SMALL))
    assert isinstance(large, Step)
    assert isinstance(small, Step)
    assert chosen(1 << 20, large.scratch_bytes)[0] == large.kernel
    kernel, reason = chosen(1 << 20, large.scratch_bytes - 1)
    assert kernel == small.kernel
    assert reason.startswith(f"{small.reason}; {small.cycles:,} estimated cycles, ")
    assert reason.endswith(f"{large.kernel} does not fit the RAM")
    assert chosen(1 << 20, small.scratch_bytes - 4)[0] == "ts_lanes_short_s8"


def test_what_does_not_fit_at_all_is_left_to_whoever_builds_it() -> None:
    """The usual kernels are planned, so that what is missing is told as before."""
    model = layer()
    usual = generate(model, rounding=Rounding.TFLM, core="cortex-m4")
    none = generate(model, rounding=Rounding.TFLM, core="cortex-m4", room=Room(10, 10))
    assert none.source == usual.source
    assert usual.layers[0].kernel == "ts_lanes_short_s8"


@pytest.mark.parametrize(("core", "optimize"), [("cortex-m4", "size"), ("cortex-m3", "speed")])
def test_other_builds_keep_their_kernel(core: str, optimize: str) -> None:
    """Plain C runs where no dual multiply-accumulate is, or is not wanted, whatever the room."""
    engine = generate(
        layer(),
        rounding=Rounding.TFLM,
        core=core,
        optimize=optimize,
        room=AMPLE,  # type: ignore[arg-type]
    )
    assert engine.layers[0].kernel == "ts_conv_runs_s8"


@pytest.mark.parametrize("tile", TILES)
def test_other_windows_are_refused(tile: Filter) -> None:
    """Strides, dilations, groups and kernels of other sizes are no case for it."""
    node = node_of(layer())
    for window in (
        replace(node.window, kernel=(3, 1)),
        replace(node.window, stride=(1, 2)),
        replace(node.window, dilation=(2, 1)),
    ):
        assert winograd(replace(node, window=window), 0, tile) == "not 3 x 3 with stride 1"
    assert winograd(replace(node, groups=2), 0, tile) == "2 groups"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_assembly_equals_the_integers(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an emulated core, both compilers, wherever the kernels are possible: every output, and no byte beyond it."""
    variant = VARIANTS[chunk % len(VARIANTS)]
    models, sources = {}, {}
    for seed, tile in itertools.product(range(chunk * 10, chunk * 10 + 10), (LARGE, SMALL)):
        model = parse_network(draw_3x3(np.random.default_rng([seed, 0x57])), file=f"convolution {seed}")
        assert isinstance(model, Graph)
        step = winograd(node_of(model), 0, tile)
        if not isinstance(step, Step):
            continue
        fastest = {"CONV_2D": lambda *_, step=step: (replace(step, cycles=-1),)}
        monkeypatch.setattr("tinysine.codegen.choose.ALTERNATIVES", fastest)
        engine = generate(model, rounding=Rounding.TFLM, core=variant.core, room=AMPLE)
        name = f"e{seed}x{tile.side}"
        models[name], sources[name] = model, engine.source
        assert engine.layers[0].kernel == f"ts_winograd_{tile.side}x{tile.side}_s8"
    machine = Machine(build(sources, variant, tmp_path), variant.core)
    for name, model in models.items():
        inputs = sample_inputs(model, seed=chunk, count=5).codes
        got = machine.run(name, inputs, outputs=[model.output])
        assert not isinstance(got, str), got
        np.testing.assert_array_equal(got, integer_oracle(model, Rounding.TFLM).run(inputs), err_msg=name)


@pytest.mark.long
def test_the_draws_reach_every_tile_and_every_sum() -> None:
    """Each way to requantise, by both tiles, within twice as many as the chunks take."""
    kinds = set()
    for seed, tile in itertools.product(range(80), (LARGE, SMALL)):
        model = parse_network(draw_3x3(np.random.default_rng([seed, 0x57])), file=f"convolution {seed}")
        if isinstance(winograd(node_of(model), 0, tile), Step):
            kinds |= {(tile.side, each.kind) for each in channel_sums(node_of(model), tile.scale) or ()}
    assert kinds == set(itertools.product((4, 2), ("short", "signed", "exact")))


MUTANTS = [
    ("winograd_4x4.h", "sub r8, r8, r6, lsl #2", "sub r8, r8, r6, lsl #1", LARGE),
    ("winograd_4x4.h", "mov r2, #0x00800080", "mov r2, #0x00810081", LARGE),
    ("winograd_4x4.h", "addeq r3, r3, #0x8000", "addeq r3, r3, #0x4000", LARGE),
    ("winograd_4x4.h", "add r5, r5, r7, lsl #3", "add r5, r5, r7, lsl #2", LARGE),
    ("winograd_4x4.h", "add r5, r5, r9, lsl #1", "add r5, r5, r9", LARGE),
    ("winograd_4x4.h", '"asr r7, " x ", #31', '"asr r7, " x ", #8', LARGE),
    ("winograd_products.h", '"3456", "3460", "3464", "3468"', '"3456", "3460", "3464", "3464"', LARGE),
    ("winograd_2x2.h", "ts_halves_less(d1, d3)", "ts_halves_less(d3, d1)", SMALL),
    ("winograd_2x2.h", "upper[1] - upper[2] - upper[3]", "upper[1] - upper[2] + upper[3]", SMALL),
    ("winograd.h", "left + (int)before", "left", LARGE),
]


@pytest.mark.parametrize(
    "mutant",
    MUTANTS,
)
@pytest.mark.long
@NEEDS_GCC
def test_a_wrong_constant_is_noticed(
    mutant: tuple[str, str, str, Filter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One number of a transform, of an address or of an edge changed: an output differs."""
    file, right, wrong, tile = mutant
    root = tmp_path / "firmware"
    shutil.copytree(firmware_root(), root)
    text = (root / "engine" / file).read_text()
    assert right in text
    (root / "engine" / file).write_text(text.replace(right, wrong))
    model = layer(image=(7, 7), inputs=16, outputs=4, fused=0)
    step = winograd(node_of(model), 0, tile)
    assert isinstance(step, Step)
    monkeypatch.setattr(
        "tinysine.codegen.choose.ALTERNATIVES", {"CONV_2D": lambda *_: (replace(step, cycles=-1),)}
    )
    source = generate(model, rounding=Rounding.TFLM, core="cortex-m4", room=AMPLE).source
    inputs = sample_inputs(model, seed=0, count=20).codes
    wanted = integer_oracle(model, Rounding.TFLM).run(inputs)
    for folder, is_right in ((firmware_root(), True), (root, False)):
        (tmp_path / str(is_right)).mkdir()
        elf = build({"e": source}, VARIANTS[0], tmp_path / str(is_right), root=folder)
        got = Machine(elf, "cortex-m4").run("e", inputs, outputs=[model.output])
        assert np.array_equal(got, wanted) == is_right
