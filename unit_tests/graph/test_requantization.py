"""The proof that integers equal LiteRT's float64, and the repair where they would not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinysine.errors import ModelError
from tinysine.graph import FullyConnected, Network, accumulator_bounds, parse_network, with_rounding
from tinysine.graph.layer_reader import MAX_WIDTH
from tinysine.quantization import (
    Quantization,
    Rounding,
    quantize_multipliers,
    requantize_float64,
    requantize_single,
)
from tinysine.tflite.writer import LayerSpec, write_model
from trust.operators.dense_chain import random_network

PLAIN = Quantization(1.0, 0)
# Products with this scale fill more than the 31 bits of a multiplier.
ODD = Quantization(float(np.float32(0.7234567)), 0)


def one_layer(
    *,
    weight: int,
    bias: int,
    weight_scale: float,
    input: Quantization = PLAIN,
    output: Quantization = PLAIN,
    inputs: int = 1,
) -> Network:
    """A network of one output, all its weights the same."""
    spec = LayerSpec(
        weights=np.full((1, inputs), weight, np.int8),
        bias=np.array([bias], np.int32),
        weight_scales=np.array([weight_scale], np.float32),
        output=output,
    )
    return parse_network(write_model([spec], input=input), file="one layer")


def _wrong(layer: FullyConnected) -> np.ndarray:
    """The accumulators of output 0 at which integers and float64 give different int8 codes."""
    low, high = (int(bound[0]) for bound in accumulator_bounds(layer))
    assert high - low < 10**6, "too many to try them all"
    acc = np.arange(low, high + 1)[:, None]
    zero_point = layer.output.zero_point
    got = requantize_single(acc, layer.multiplier[:1], layer.shift[:1]) + zero_point
    wanted = requantize_float64(acc, layer.real_multiplier[:1]) + zero_point
    clamp = (layer.clamp_min, layer.clamp_max)
    return acc[np.clip(got, *clamp) != np.clip(wanted, *clamp)]


def test_accumulator_bounds_are_reached() -> None:
    """The bounds are the least and the greatest sum over all inputs, tried one by one."""
    weights = np.array([[3, -5], [-128, 127], [0, 0]], np.int8)
    spec = LayerSpec(weights, np.array([7, -9, 11], np.int32), np.ones(1, np.float32), Quantization(1.0, 0))
    layer = parse_network(write_model([spec], input=Quantization(1.0, 20)), file="x").layers[0]
    codes = np.arange(-128, 128) - 20
    grid = np.stack(np.meshgrid(codes, codes), -1).reshape(-1, 2)
    sums = grid @ weights.T.astype(np.int64) + layer.bias
    low, high = accumulator_bounds(layer)
    np.testing.assert_array_equal(low, sums.min(axis=0))
    np.testing.assert_array_equal(high, sums.max(axis=0))


@given(
    weight=st.integers(-128, 127),
    bias=st.integers(-100_000, 100_000),
    scale=st.floats(2.0**-16, 4.0, width=32),
    input_scale=st.floats(0.5, 1.0, width=32),
    zero_point=st.integers(-128, 127),
)
def test_integers_equal_float64_on_every_accumulator(
    weight: int, bias: int, scale: float, input_scale: float, zero_point: int
) -> None:
    """After with_rounding there is no accumulator left on which the two differ."""
    model = one_layer(
        weight=weight,
        bias=bias,
        weight_scale=scale,
        input=Quantization(input_scale, 0),
        output=Quantization(1.0, zero_point),
    )
    layer = with_rounding(model, Rounding.LITERT).layers[0]
    assert _wrong(layer).size == 0


@given(exponent=st.integers(-12, -1), odd=st.integers(1, 255), bias=st.integers(-3000, 3000))
def test_ties_below_zero_are_repaired(exponent: int, odd: int, bias: int) -> None:
    """Scales that are short binary fractions meet exact halves: float64 rounds them away from zero."""
    model = one_layer(weight=127, bias=bias, weight_scale=odd * 2.0**exponent / 64)
    layer = with_rounding(model, Rounding.LITERT).layers[0]
    assert _wrong(layer).size == 0


def test_a_tie_needs_the_repair() -> None:
    """TensorFlow Lite's own multiplier fails on a tie; the repaired one is another, and does not."""
    model = one_layer(weight=1, bias=0, weight_scale=0.5)
    plain, repaired = model.layers[0], with_rounding(model, Rounding.LITERT).layers[0]
    assert (plain.multiplier, plain.shift) == quantize_multipliers(np.array([0.5]))
    assert -1 in _wrong(plain)
    assert repaired.multiplier[0] != plain.multiplier[0]
    assert _wrong(repaired).size == 0


def test_tflm_takes_the_multipliers_as_they_are() -> None:
    """TensorFlow Lite Micro computes with QuantizeMultiplier's integers, ties and all."""
    model = one_layer(weight=1, bias=0, weight_scale=0.5)
    assert with_rounding(model, Rounding.TFLM).layers[0].multiplier[0] == model.layers[0].multiplier[0]


@given(st.integers(0, 2**32), st.sampled_from(list(Rounding)))
@settings(max_examples=50)
def test_with_rounding_twice_is_with_rounding_once(seed: int, rounding: Rounding) -> None:
    """The adjusted model is a fixed point, and nothing but multipliers changes."""
    model = parse_network(random_network(np.random.default_rng(seed)), file="x")
    once = with_rounding(model, rounding)
    twice = with_rounding(once, rounding)
    for before, first, second in zip(model.layers, once.layers, twice.layers, strict=True):
        np.testing.assert_array_equal(first.multiplier, second.multiplier)
        np.testing.assert_array_equal(first.shift, second.shift)
        kept = dataclasses.replace(first, multiplier=before.multiplier, shift=before.shift)
        assert all(
            np.array_equal(getattr(kept, field.name), getattr(before, field.name))
            for field in dataclasses.fields(before)
        )
        # An adjustment is one of the last bits, never another scale.
        ours = first.multiplier * 2.0 ** (first.shift - 31.0)
        plain = before.multiplier * 2.0 ** (before.shift - 31.0)
        assert np.allclose(ours, plain, rtol=1e-6, atol=0)


@pytest.mark.parametrize("rounding", list(Rounding))
def test_overflowing_accumulator_is_refused(rounding: Rounding) -> None:
    """A sum that can leave int32 is refused with the layer's name."""
    model = one_layer(weight=127, bias=2**31 - 1000, weight_scale=2.0**-26)
    with pytest.raises(ModelError, match=r"dense_0.*beyond int32") as refusal:
        with_rounding(model, rounding)
    assert refusal.value.tensor == "dense_0"


def test_partial_sums_fit_in_any_order() -> None:
    """The widest layer that is read cannot leave int32 before its bias is added."""
    assert MAX_WIDTH * 128 * 255 < 2**31


def test_overflowing_left_shift_is_refused() -> None:
    """A multiplier above 1 on a large accumulator leaves int32 before TensorFlow Lite Micro rounds."""
    model = one_layer(weight=127, bias=2**30, weight_scale=4.0)
    for rounding in Rounding:
        with pytest.raises(ModelError, match="beyond int32"):
            with_rounding(model, rounding)


def test_layer_without_an_equal_integer_form_is_refused() -> None:
    """If 31 bits cannot place every step, the error gives a reason, and TFLM's rounding remains possible."""
    hints = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        bias = int(rng.integers(5 * 10**8, 10**9))
        model = one_layer(
            weight=127, bias=bias, weight_scale=80 / bias * rng.uniform(0.9, 1.1), inputs=3000, input=ODD
        )
        with_rounding(model, Rounding.TFLM)
        try:
            with_rounding(model, Rounding.LITERT)
        except ModelError as error:
            hints.append(error.hint)
    assert hints
    assert all("tflm" in hint for hint in hints)


@given(st.integers(2, 2**31 - 2**10), st.floats(0.5, 100))
def test_large_accumulators_are_equal_or_refused(bias: int, output: float) -> None:
    """Near the edge of int32, what is not refused is right on every accumulator."""
    assume(bias < 2**31 - 40_000)
    model = one_layer(weight=100, bias=bias, weight_scale=output / bias, input=ODD)
    try:
        layer = with_rounding(model, Rounding.LITERT).layers[0]
    except ModelError:
        return
    assert _wrong(layer).size == 0
