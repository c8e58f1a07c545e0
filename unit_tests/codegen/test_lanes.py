"""Convolutions with two rows of weights in a lane: the proofs, and the assembly on its cores."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import generate
from tinysine.codegen.kernels.conv_2d import plan
from tinysine.codegen.kernels.lanes import lanes
from tinysine.codegen.steps import Step, Target
from tinysine.codegen.weight_lanes import pack_lanes
from tinysine.graph import Graph, parse_network
from tinysine.graph.convolution import Convolution
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Case, Variant
from trust.conformance.trial import try_cases
from trust.operators import DRAWS
from trust.operators.conv_2d import draw, write_convolution

INPUTS, EACH = 6, 24
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


def convolution(seed: int) -> tuple[Graph, Convolution]:
    """A random model of one convolution."""
    model = parse_network(draw(np.random.default_rng([seed, 0x1A])), file=f"convolution {seed}")
    assert isinstance(model, Graph)
    node = model.nodes[0]
    assert isinstance(node, Convolution)
    return model, node


def shaped(kernel: tuple[int, int], stride: int, channels: tuple[int, int], seed: int) -> Graph:
    """One convolution of 12 x 12 pixels, padded, with random weights and quantisation."""
    (inputs, outputs), size = channels, -(-12 // stride)
    data = write_convolution(
        np.random.default_rng(seed),
        "CONV_2D",
        "Conv2DOptions",
        shape=(1, 12, 12, inputs),
        weights_shape=(outputs, *kernel, inputs),
        dimension=0,
        result=(1, size, size, outputs),
        options={"padding": 0, "strideH": stride, "strideW": stride},
    )
    model = parse_network(data, file="convolution")
    assert isinstance(model, Graph)
    return model


def test_lanes_hold_both_rows() -> None:
    """Each lane is 256 times one row and the other; a lane that overflows is refused."""
    weights = np.array([[-128, 1, 2, 3, 4], [5, -6, 7, 127, -128], [1, 1, 1, 1, 1]], np.int8)
    packed = pack_lanes(weights, block=4)
    assert packed is not None
    assert packed.shape == (2, 4)
    assert packed[0].tolist() == [
        (2 * 256 + 7) << 16 | (-128 * 256 + 5) & 0xFFFF,
        (3 * 256 + 127) << 16 | 1 * 256 - 6,
        4 * 256 - 128,
        0,
    ]
    assert packed[1].tolist() == [256 << 16 | 256, 256 << 16 | 256, 256, 0]
    weights[1, 0] = -1
    assert pack_lanes(weights, block=4) is None


@pytest.mark.parametrize(
    ("kernel", "stride", "channels", "seed", "chosen"),
    [
        ((1, 1), 1, (8, 12), 1, "ts_pointwise_8_s8"),
        # Not all channels have the short requantisation.
        ((1, 1), 1, (8, 12), 0, "ts_lanes_exact_s8 TS_LANES_DIRECT"),
        ((1, 1), 1, (8, 10), 0, "ts_lanes_short_s8 TS_LANES_DIRECT"),
        ((1, 1), 2, (8, 8), 0, "ts_lanes_short_s8 TS_LANES_WINDOWS"),
        ((3, 3), 2, (3, 8), 0, "ts_rgb_s8"),
        ((3, 3), 2, (3, 9), 1, "ts_lanes_short_s8 TS_LANES_RGB"),
        ((3, 3), 1, (3, 8), 0, "ts_lanes_short_s8 TS_LANES_RGB"),
        ((3, 3), 2, (3, 8), 1, "ts_lanes_exact_s8 TS_LANES_RGB"),
        ((3, 3), 1, (4, 8), 0, "ts_lanes_short_s8 TS_LANES_WINDOWS"),
    ],
)
def test_the_shape_chooses_the_kernel(
    kernel: tuple[int, int], stride: int, channels: tuple[int, int], seed: int, chosen: str
) -> None:
    """The kernel's way to its taps, and to its codes, is chosen for each layer."""
    node = shaped(kernel, stride, channels, seed).nodes[0]
    assert isinstance(node, Convolution)
    step = plan(node, 0, Target(core="cortex-m4", optimize="speed", rounding=Rounding.TFLM))
    assert step.reason
    assert " ".join([step.kernel, *re.findall("TS_LANES_[A-Z]+", step.tables)]) == chosen
    small = plan(node, 0, Target(core="cortex-m4", optimize="size", rounding=Rounding.TFLM))
    assert small.kernel == "ts_conv_runs_s8"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_assembly_equals_the_integers(chunk: int, tmp_path: Path) -> None:
    """On an emulated core, both compilers: every output, and no byte beyond it."""
    variant = VARIANTS[chunk % len(VARIANTS)]
    drawn = {f"e{seed}": convolution(seed) for seed in range(chunk * EACH, chunk * EACH + EACH)}
    models = {name: model for name, (model, node) in drawn.items() if isinstance(lanes(node, 0), Step)}
    # One with all channels of the short requantisation is rare among the random ones.
    models |= {"eight": shaped((1, 1), 1, (8, 12), 1), "colour": shaped((3, 3), 2, (3, 8), 0)}
    engines = {
        name: generate(model, rounding=Rounding.TFLM, core=variant.core) for name, model in models.items()
    }
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    kernels = {engine.layers[0].name for engine in engines.values()}
    assert kernels >= {
        f"CONV_2D, {kernel}"
        for kernel in ("ts_lanes_short_s8", "ts_lanes_exact_s8", "ts_pointwise_8_s8", "ts_rgb_s8")
    }
    for name, model in models.items():
        inputs = sample_inputs(model, seed=chunk, count=INPUTS).codes
        got = machine.run(name, inputs, outputs=[model.output])
        assert not isinstance(got, str), got
        np.testing.assert_array_equal(got, integer_oracle(model, Rounding.TFLM).run(inputs), err_msg=name)


@pytest.mark.parametrize("seed", [242, *(pytest.param(seed, marks=pytest.mark.long) for seed in (11, 48))])
def test_windows_may_lie_beside_the_image(seed: int) -> None:
    """Nothing beyond the scratch is written where the padding is wider than the window; sanitizers watch."""
    model = parse_network(DRAWS["SPACE_TO_BATCH_ND"](np.random.default_rng([seed, 7])), file="padded")
    node = next(each for each in model.nodes if isinstance(each, Convolution))
    assert node.inputs % 4
    assert node.window.dilation[1] == 1
    assert node.window.before[1] > node.window.kernel[1]
    inputs = sample_inputs(model, seed=seed, count=INPUTS).codes
    variant = Variant("cortex-m4", "host", "speed")
    case = Case(seed, variant, Rounding.LITERT, model, inputs, operator="SPACE_TO_BATCH_ND")
    assert any("ts_lanes" in layer.kernel for layer in case.engine.layers)
    assert not try_cases([case])[0].failure
