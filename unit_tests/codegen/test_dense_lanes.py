"""Dense layers with two rows of weights in a lane: proofs, choice, memory, and the assembly on its cores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import Kernel, Plan, generate
from tinysine.codegen.dense_lanes import DenseLanes, find_lanes
from tinysine.graph import DenseChain, accumulator_bounds, parse_chain, with_rounding
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding, requantize_double, requantize_single
from tinysine.stimuli import sample_inputs
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Variant
from trust.operators.dense_chain import random_network

# Whole blocks and the rest of them, of inputs and outputs: 32 and 4, 8.
WIDTHS = (
    [32, 8, 3],
    [33, 17, 8],
    [64, 8, 9, 40],
    [96, 16],
    [17, 40, 24],
    [31, 12],
    [100, 10],
    [41, 9, 24, 8],
)


def network(seed: int, widths: list[int], rounding: Rounding) -> DenseChain:
    """A random chain, its multipliers proved for the rounding."""
    data = random_network(np.random.default_rng([seed, 0xDA]), widths=widths, style="trained")
    return with_rounding(parse_chain(data, file=f"dense {seed}"), rounding)


def planned(model: DenseChain, rounding: Rounding) -> Plan:
    """Return the generator's plan for a Cortex-M4."""
    plan = generate(model, rounding=rounding, core="cortex-m4").plan
    assert plan is not None
    return plan


NEEDS_GCC = pytest.mark.needs("arm-none-eabi-gcc")


@pytest.mark.parametrize("rounding", list(Rounding)[:2])
def test_codes_are_the_references(rounding: Rounding) -> None:
    """Every proved row gives the reference's code for sums from its least to its greatest."""
    proved = 0
    for seed in range(60):
        layer = network(seed, [20 + seed, 9], rounding).layers[0]
        lanes = find_lanes(layer, rounding=rounding, output_offset=0)
        if isinstance(lanes, str):
            continue
        proved += 1
        sums = np.linspace(*accumulator_bounds(layer), 4001).astype(np.int64)
        requantize = requantize_single if rounding is Rounding.LITERT else requantize_double
        wanted = requantize(sums, layer.multiplier, layer.shift) + layer.output.zero_point
        if rounding is Rounding.LITERT:
            high = sums * 256 * lanes.multiplier >> 32
        else:
            high = (sums * 2 * lanes.multiplier + 2**31) >> 32
            high -= high < 0
        got = np.clip((high + lanes.term) >> lanes.shift, 0, 255) + lanes.base
        limits = layer.clamp_min, layer.clamp_max
        np.testing.assert_array_equal(np.clip(got, *limits), np.clip(wanted, *limits), err_msg=str(seed))
    assert proved > 30


def test_a_layer_without_the_proof_is_computed_otherwise() -> None:
    """A sum of 2**23, and a weight of -128 above a negative one, are named; both layers have another kernel."""
    model = network(1, [64, 16], Rounding.LITERT)
    assert planned(model, Rounding.LITERT).layers[0].kernel is Kernel.LANES
    layer = model.layers[0]
    weights = layer.weights.copy()
    weights[2:4, 5] = -128, -1
    bias = layer.bias.copy()
    bias[7] = 2**23 - int(accumulator_bounds(dataclasses.replace(layer, bias=bias * 0))[1][7])
    for changed, reason in (
        (dataclasses.replace(layer, weights=weights), "a weight of -128 stands above a negative one"),
        (dataclasses.replace(layer, bias=bias), "a sum may reach 2**23"),
    ):
        (plan,) = planned(dataclasses.replace(model, layers=(changed,)), Rounding.LITERT).layers
        assert plan.kernel is Kernel.WIDE
        assert reason in plan.reason
    bias[7] -= 1
    lanes = find_lanes(dataclasses.replace(layer, bias=bias), rounding=Rounding.LITERT, output_offset=0)
    assert isinstance(lanes, DenseLanes)


def test_scratch_stands_apart_from_what_is_read_and_written() -> None:
    """No layer's inputs, scratch and outputs share a byte of the arena; scratch is aligned to four bytes."""
    for seed, widths in enumerate(WIDTHS):
        plan = planned(network(seed, widths, Rounding.LITERT), Rounding.LITERT)
        taken: set[int] = set()  # by the outputs of the layer before
        for layer in plan.layers:
            scratch = set(range(layer.scratch_offset, layer.scratch_offset + layer.scratch))
            outputs = (
                set()
                if layer.offset is None
                else set(range(layer.offset, layer.offset + layer.layer.outputs))
            )
            assert not taken & scratch
            assert not outputs & scratch
            assert not taken & outputs
            assert max(scratch | outputs | {0}) < max(plan.arena_bytes, 1)
            assert layer.scratch_offset % 4 == 0 or not scratch
            taken = outputs


@pytest.mark.long
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(Variant("cortex-m4", "gcc", "speed"), marks=NEEDS_GCC),
        Variant("cortex-m4", "zig", "speed"),
        pytest.param(Variant("cortex-m7", "gcc", "speed"), marks=NEEDS_GCC),
        Variant("cortex-m7", "zig", "speed"),
    ],
    ids=lambda variant: f"{variant.core}-{variant.compiler}",
)
def test_the_assembly_equals_the_integers(variant: Variant, tmp_path: Path) -> None:
    """On an emulated core, both roundings: every output, and no byte beyond it."""
    models = {
        (f"{rounding}{seed}", rounding): network(seed, WIDTHS[seed % len(WIDTHS)], rounding)
        for rounding in list(Rounding)[:2]
        for seed in range(2 * len(WIDTHS))
    }
    engines = {
        name: generate(model, rounding=rounding, core=variant.core)
        for (name, rounding), model in models.items()
    }
    kernels = [layer.name for engine in engines.values() for layer in engine.layers]
    assert sum(name.endswith("lanes") for name in kernels) > len(models)
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    for (name, rounding), model in models.items():
        inputs = sample_inputs(model, seed=5, count=8).codes
        got = machine.run(name, inputs, outputs=[model.output])
        assert not isinstance(got, str), got
        np.testing.assert_array_equal(got, integer_oracle(model, rounding).run(inputs), err_msg=name)
