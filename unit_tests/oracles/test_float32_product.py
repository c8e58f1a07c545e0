"""TensorFlow Lite Micro on a device multiplies the scales of a dense layer in float32; its Python package does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tinysine.graph import Network, parse_network
from tinysine.oracles import TFLM_FLOAT32, available_oracles, float32_product_oracle, integer_oracle
from tinysine.quantization import Quantization, Rounding, quantize_multipliers
from tinysine.stimuli import all_inputs
from tinysine.tflite.writer import LayerSpec, write_model
from tinysine.verdicts import judge_outputs

SEED = 54  # of a layer of which one answer differs


def network(seed: int = SEED, *, per_channel: bool = False) -> Network:
    """One input, 64 outputs."""
    rng = np.random.default_rng(seed)
    layer = LayerSpec(
        weights=rng.integers(-127, 128, (64, 1), np.int8),
        bias=rng.integers(-9000, 9000, 64, np.int32),
        weight_scales=rng.uniform(0.005, 0.02, 64 if per_channel else 1).astype(np.float32),
        output=Quantization(float(np.float32(rng.uniform(0.5, 1.5))), 3),
    )
    scale = float(np.float32(rng.uniform(0.5, 1.5)))
    return parse_network(write_model([layer], input=Quantization(scale, -5)), file="layer")


def test_the_product_is_rounded_to_float32_before_it_is_widened() -> None:
    """By the definition, with Python's own floats; the division by the output's scale stays in float64."""
    model = network()
    (layer,) = model.layers
    oracle = float32_product_oracle(model)
    assert oracle is not None
    assert oracle.name == TFLM_FLOAT32
    product = float(np.float32(layer.input.scale * float(layer.weight_scales[0])))
    multiplier, shift = quantize_multipliers(np.full(64, product / layer.output.scale))
    changed = replace(model, layers=(replace(layer, multiplier=multiplier, shift=shift),))
    codes = all_inputs(model).codes
    np.testing.assert_array_equal(oracle.run(codes), integer_oracle(changed, Rounding.TFLM).run(codes))
    assert (multiplier != layer.multiplier).all()


def test_scales_of_each_channel_are_multiplied_in_float64() -> None:
    """So nothing differs, and there is no such oracle."""
    assert float32_product_oracle(network(per_channel=True)) is None


def test_it_is_asked_for_engines_of_others_only() -> None:
    """The generated engine has to equal the Python package, and a stranger's difference deserves its name."""
    model = network()
    assert TFLM_FLOAT32 not in [oracle.name for oracle in available_oracles(model)]
    assert TFLM_FLOAT32 in [oracle.name for oracle in available_oracles(model, of_devices=True)]


@pytest.mark.parametrize("changed", [False, True])
def test_the_verdict_names_it_where_it_explains_every_difference(changed: bool) -> None:
    """It fails all the same: nobody has asked for it. One more difference, and it explains nothing."""
    model = network()
    codes = all_inputs(model).codes
    answers = {oracle.name: oracle.run(codes) for oracle in available_oracles(model, of_devices=True)}
    device = answers[TFLM_FLOAT32].copy()
    assert (device != answers["integer-double"]).any()
    if changed:
        device[7, 5] ^= 1
    verdict = judge_outputs(inputs=codes, device=device, answers=answers, rounding=Rounding.TFLM)
    assert not verdict.passed
    assert verdict.finding is not None
    assert (f"every answer equals {TFLM_FLOAT32}" in verdict.finding.reason) is not changed
