"""Depthwise convolutions in planes, convolutions of one channel: proofs, choice, and the assembly on its cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import generate
from tinysine.codegen.scaled_sum import SCALE, SHIFT, scaled_sums
from tinysine.graph import Graph, parse_network, read_network
from tinysine.graph.convolution import Convolution
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding, requantize_double
from tinysine.stimuli import sample_inputs
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Variant
from trust.operators.conv_2d import write_convolution
from trust.operators.depthwise_conv_2d import draw

INPUTS, EACH = 6, 28
VARIANTS = [
    Variant(core, compiler, "speed") for core in ("cortex-m4", "cortex-m7") for compiler in ("gcc", "zig")
]
KERNELS = {"ts_depthwise_3x3_s8", "ts_depthwise_3x3_stride_2_s8", "ts_taps_s8"}


def parsed(data: bytes, name: str) -> tuple[Graph, Convolution]:
    """The model and its only node."""
    model = parse_network(data, file=name)
    assert isinstance(model, Graph)
    node = model.nodes[0]
    assert isinstance(node, Convolution)
    return model, node


@pytest.mark.long
def test_short_requantisation_is_the_references_everywhere() -> None:
    """Each sum of each proved channel gives the reference's code, not only those at the steps."""
    proved = 0
    for seed in range(60):
        _, node = parsed(draw(np.random.default_rng([seed, 0xD3])), f"depthwise {seed}")
        folded = node.bias - node.source.codes.zero_point * node.weights.sum(axis=(1, 2, 3), dtype=np.int64)
        low, high = node.bounds
        for channel, scaled in enumerate(scaled_sums(node) or ()):
            if not scaled.short:
                continue
            proved += 1
            acc = np.arange(low[channel], high[channel] + 1)
            acc = acc[:: max(1, len(acc) // 50_000)]
            of_channel = slice(channel, channel + 1)
            wanted = requantize_double(acc[:, None], node.multiplier[of_channel], node.shift[of_channel])
            wanted = np.clip(wanted[:, 0] + node.result.codes.zero_point, node.clamp_min, node.clamp_max)
            # What the device adds up, modulo 2**32.
            sums = (scaled.bias + SCALE * (acc - folded[channel]) + 2**31) % 2**32 - 2**31
            got = np.clip(((sums * scaled.multiplier >> 32) + scaled.term) >> SHIFT, -128, 127)
            np.testing.assert_array_equal(got, wanted, err_msg=f"{seed}, channel {channel}")
    assert proved > 50


@pytest.mark.parametrize(
    ("kernel", "stride", "inputs", "multiplier", "chosen"),
    [
        ((3, 3), (1, 1), 5, 1, "ts_depthwise_3x3_s8"),
        ((3, 3), (2, 2), 2, 2, "ts_depthwise_3x3_stride_2_s8"),
        ((10, 8), (2, 2), 1, 8, "ts_taps_s8"),
        ((3, 3), (1, 2), 1, 3, "ts_taps_s8"),
        ((3, 3), (1, 2), 2, 1, "ts_depthwise_s8"),
        ((5, 3), (1, 1), 4, 1, "ts_depthwise_s8"),
    ],
)
def test_the_shape_chooses_the_kernel(
    kernel: tuple[int, int], stride: tuple[int, int], inputs: int, multiplier: int, chosen: str
) -> None:
    """Cores without dual multiply-accumulates, and the size profile, have the plain one."""
    rows, columns = (-(-12 // step) for step in stride)
    data = write_convolution(
        np.random.default_rng(0),
        "DEPTHWISE_CONV_2D",
        "DepthwiseConv2DOptions",
        shape=(1, 12, 12, inputs),
        weights_shape=(1, *kernel, inputs * multiplier),
        dimension=3,
        result=(1, rows, columns, inputs * multiplier),
        options={"padding": 0, "strideH": stride[0], "strideW": stride[1], "depthMultiplier": multiplier},
    )
    model, _ = parsed(data, "depthwise")
    fast = generate(model, rounding=Rounding.TFLM, core="cortex-m4").layers[0]
    assert fast.name == f"DEPTHWISE_CONV_2D, {chosen}"
    assert fast.reason
    small = generate(model, rounding=Rounding.TFLM, core="cortex-m4", optimize="size")
    assert small.layers[0].name == "DEPTHWISE_CONV_2D, ts_depthwise_s8"
    assert small.arena_bytes == 0
    m0 = generate(model, rounding=Rounding.TFLM, core="cortex-m0")
    assert m0.layers[0].name == "DEPTHWISE_CONV_2D, ts_depthwise_s8"


def of_one_channel(seed: int, kernel: tuple[int, int], outputs: int) -> Graph:
    """A CONV_2D with strides of 2 over an image of one channel."""
    rng = np.random.default_rng([seed, 0xD5])
    rows, columns = (int(n) for n in rng.integers(8, 20, 2))
    data = write_convolution(
        rng,
        "CONV_2D",
        "Conv2DOptions",
        shape=(1, rows, columns, 1),
        weights_shape=(outputs, *kernel, 1),
        dimension=0,
        result=(1, -(-rows // 2), -(-columns // 2), outputs),
        options={"padding": 0, "strideH": 2, "strideW": 2},
    )
    return parsed(data, f"convolution {seed}")[0]


def test_the_estimate_chooses_the_kernel_of_one_channel() -> None:
    """Few outputs: two columns at a step; many outputs share what two rows in a lane have gathered."""
    for kernel, outputs, chosen in (
        ((5, 5), 8, "ts_taps"),
        ((3, 3), 3, "ts_taps"),
        ((10, 4), 64, "ts_lanes"),
    ):
        layer = generate(of_one_channel(1, kernel, outputs), rounding=Rounding.TFLM, core="cortex-m4").layers[
            0
        ]
        assert layer.kernel.startswith(chosen)


@pytest.mark.long
@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
def test_convolutions_of_one_channel_equal_the_integers(tmp_path: Path) -> None:
    """On an emulated core: every output of a CONV_2D by taps, with channels that are no multiple of four."""
    variant = VARIANTS[0]
    shapes = [((5, 5), 8), ((3, 3), 3), ((2, 4), 5), ((7, 6), 1), ((4, 8), 12)]
    models = {f"e{seed}": of_one_channel(seed, *shapes[seed % len(shapes)]) for seed in range(20)}
    engines = {
        name: generate(model, rounding=Rounding.TFLM, core=variant.core) for name, model in models.items()
    }
    assert sum(engine.layers[0].kernel == "ts_taps_s8" for engine in engines.values()) >= 12
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    for name, model in models.items():
        inputs = sample_inputs(model, seed=3, count=INPUTS).codes
        got = machine.run(name, inputs, outputs=[model.output])
        assert not isinstance(got, str), got
        np.testing.assert_array_equal(got, integer_oracle(model, Rounding.TFLM).run(inputs), err_msg=name)


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.long
@pytest.mark.parametrize("chunk", range(8))
def test_the_assembly_equals_the_integers(chunk: int, tmp_path: Path) -> None:
    """On an emulated core, both compilers: every output, and no byte beyond it."""
    variant = VARIANTS[chunk % len(VARIANTS)]
    models = {
        f"e{seed}": parsed(draw(np.random.default_rng([seed, 0xD4])), f"depthwise {seed}")[0]
        for seed in range(chunk * EACH, (chunk + 1) * EACH)
    }
    engines = {
        name: generate(model, rounding=Rounding.TFLM, core=variant.core) for name, model in models.items()
    }
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    assert {engine.layers[0].name.partition(", ")[2] for engine in engines.values()} >= KERNELS
    for name, model in models.items():
        inputs = sample_inputs(model, seed=chunk, count=INPUTS).codes
        got = machine.run(name, inputs, outputs=[model.output])
        assert not isinstance(got, str), got
        np.testing.assert_array_equal(got, integer_oracle(model, Rounding.TFLM).run(inputs), err_msg=name)


def test_a_margin_wider_than_a_window_takes_another_kernel() -> None:
    """SPACE_TO_BATCH_ND may put 20 rows of padding before three taps: no plane has room for that."""
    file = Path(__file__).parents[1] / "cases" / "depthwise_margin.tflite"
    model = read_network(file)
    assert isinstance(model, Graph)
    engine = generate(model, rounding=Rounding.LITERT, core="cortex-m4")
    assert [layer.kernel for layer in engine.layers] == ["ts_depthwise_s8"]
