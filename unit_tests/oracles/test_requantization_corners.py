"""One accumulator at a time through the real kernels: ties, near-ties, positive shifts, vanishing scales.

Random networks meet a tie once in millions of outputs; here the bias puts every accumulator right on one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.graph import Network, parse_network, with_rounding
from tinysine.oracles import Oracle, integer_oracle, litert_oracle, tflm_oracle, xnnpack_oracle
from tinysine.quantization import (
    INTERPRETED,
    Quantization,
    Rounding,
    quantize,
    requantize_double,
    requantize_float64,
)
from tinysine.tflite.writer import LayerSpec, write_model

INT8 = np.dtype(np.int8)
ZERO = np.zeros((1, 1), np.int8)
SEEDS = [*range(24), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(24, 60))]


def _accumulators(
    acc: NDArray[Any], *, scale: float, input_scale: float = 1.0, output_scale: float = 1.0, per_channel: bool
) -> Network:
    """A network whose output i requantises acc[i], whatever the input."""
    spec = LayerSpec(
        weights=np.zeros((acc.size, 1), np.int8),
        bias=acc.astype(np.int32),
        weight_scales=np.full(acc.size if per_channel else 1, scale, np.float32),
        output=Quantization(output_scale, 0),
    )
    return parse_network(write_model([spec], input=Quantization(input_scale, 0)), file="x")


def _around_steps(model: Network) -> NDArray[Any]:
    """Accumulators next to where the output of the scale in this model changes."""
    real = float(model.layers[0].real_multiplier[0])
    middles = (np.arange(-128, 127) + 0.5) / real
    acc = np.unique((np.floor(middles)[:, None] + [-1, 0, 1, 2]).ravel())
    return acc[np.abs(acc) < 2**31 - 1]


def _tflm(model: Network) -> Oracle:
    pytest.importorskip("tflite_micro", reason="needs tflite_micro, which is not installed")
    return tflm_oracle(model)


def _scales(seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    input_scale, output_scale = (float(np.float32(rng.uniform(0.5, 1))) for _ in range(2))
    if seed % 3 == 0:
        return float(2.0 ** rng.integers(-22, -2) * rng.integers(1, 16)), 1.0, 1.0  # exact ties
    return float(2.0 ** rng.uniform(-24, -2)), input_scale, output_scale


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_litert_requantises_in_float64(seed: int, per_channel: bool) -> None:
    """BUILTIN_REF multiplies in float64 and rounds halves away from zero, at every step of the output."""
    scale, input_scale, output_scale = _scales(seed)
    make = lambda acc: _accumulators(  # noqa: E731 - four arguments that stay the same
        acc, scale=scale, input_scale=input_scale, output_scale=output_scale, per_channel=per_channel
    )
    acc = _around_steps(make(np.zeros(2)))
    model = make(acc)
    expected = np.clip(requantize_float64(acc.astype(np.int64), model.layers[0].real_multiplier), -128, 127)
    np.testing.assert_array_equal(litert_oracle(model).run(ZERO)[0], expected)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_tflm_requantises_in_integers_twice(seed: int, per_channel: bool) -> None:
    """TensorFlow Lite Micro rounds twice in integers, at every step of the output."""
    scale, input_scale, output_scale = _scales(seed)
    make = lambda acc: _accumulators(  # noqa: E731 - four arguments that stay the same
        acc, scale=scale, input_scale=input_scale, output_scale=output_scale, per_channel=per_channel
    )
    acc = _around_steps(make(np.zeros(2)))
    model = make(acc)
    layer = model.layers[0]
    expected = np.clip(requantize_double(acc.astype(np.int64), layer.multiplier, layer.shift), -128, 127)
    np.testing.assert_array_equal(_tflm(model).run(ZERO)[0], expected)


CORNERS = np.array([0, 1, -1, 2, -2, 3, -3, 100, -100, 2**20, -(2**20), 2**30, -(2**30), 2**31 - 1, -(2**31)])


@pytest.mark.parametrize("exponent", [*range(-40, -20), *range(-3, 30)])
def test_tflm_at_extreme_shifts(exponent: int) -> None:
    """From scales that vanish to left shifts that wrap, integer-double's arithmetic is the kernel's."""
    model = _accumulators(CORNERS, scale=0.75 * 2.0**exponent, per_channel=False)
    layer = model.layers[0]
    expected = np.clip(requantize_double(CORNERS, layer.multiplier, layer.shift), -128, 127)
    np.testing.assert_array_equal(_tflm(model).run(ZERO)[0], expected)


@pytest.mark.parametrize("exponent", [*range(-40, -20), *range(-3, 30)])
def test_litert_at_extreme_shifts(exponent: int) -> None:
    """While the scaled accumulator stays in int32, float64 is what the kernel does; beyond, it is refused."""
    scale = 0.75 * 2.0**exponent
    inside = CORNERS[np.abs(CORNERS * scale) < 2**31 - 256]
    model = _accumulators(inside, scale=scale, per_channel=False)
    expected = np.clip(requantize_float64(inside, model.layers[0].real_multiplier), -128, 127)
    np.testing.assert_array_equal(litert_oracle(model).run(ZERO)[0], expected)
    if len(inside) < len(CORNERS):
        with pytest.raises(ModelError, match="beyond int32"):
            integer_oracle(_accumulators(CORNERS, scale=scale, per_channel=False), Rounding.LITERT)


@pytest.mark.parametrize("rounding", INTERPRETED)
def test_integers_are_right_on_ties(rounding: Rounding) -> None:
    """With a weight of 1 and scale 1/2 every odd input is a tie; the oracle follows each reference."""
    spec = LayerSpec(
        np.ones((1, 1), np.int8), np.array([0], np.int32), np.array([0.5], np.float32), Quantization(1.0, 0)
    )
    model = parse_network(write_model([spec], input=Quantization(1.0, 0)), file="x")
    codes = np.arange(-128, 128).astype(np.int8)[:, None]
    reference = litert_oracle(model) if rounding is Rounding.LITERT else _tflm(model)
    np.testing.assert_array_equal(integer_oracle(model, rounding).run(codes), reference.run(codes))


def test_xnnpack_is_another_arithmetic() -> None:
    """LiteRT's default differs from its own reference where float32 runs out of digits: never a reference."""
    acc = np.arange(2**29, 2**29 + 30_000, dtype=np.int64)
    model = _accumulators(acc, scale=100.5 / (2**29 + 15_000), per_channel=False)
    assert (xnnpack_oracle(model).run(ZERO) != litert_oracle(model).run(ZERO)).any()


@pytest.mark.parametrize("make", [litert_oracle, _tflm])
@pytest.mark.parametrize("zero_point", [-128, -5, 0, 127])
def test_floats_are_quantised_as_the_reference_does(
    make: Callable[[Network], Oracle], zero_point: int
) -> None:
    """Ties, codes, and values far beyond the range, through the reference's own QUANTIZE."""
    q = Quantization(float(np.float32(0.3)), zero_point)
    spec = LayerSpec(np.ones((1, 1), np.int8), None, np.array([1.0], np.float32), q)
    model = parse_network(write_model([spec], input=q, input_type="float32"), file="x")
    steps = np.arange(-300, 300) / 2
    x = np.concatenate([steps * q.scale, [1e9, -1e9, 1e38, -1e38, 3.4e38, -3.4e38, 1e-45, -0.0]])
    x = x.astype(np.float32)[:, None]
    # The layer passes its input through, so what comes out is what QUANTIZE made of x.
    np.testing.assert_array_equal(make(model).run(x), quantize(x, q, INT8))


def test_models_without_near_ties_keep_their_multipliers() -> None:
    """A layer that needs no repair computes with the same integers for both roundings."""
    model = _accumulators(np.array([100, -100]), scale=0.3, input_scale=0.7, per_channel=False)
    plain, repaired = model.layers[0], with_rounding(model, Rounding.LITERT).layers[0]
    np.testing.assert_array_equal(plain.multiplier, repaired.multiplier)
