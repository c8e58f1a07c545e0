"""Networks of the writer and the generator of random networks."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.graph import parse_network
from tinysine.quantization import Quantization
from tinysine.tflite.writer import LayerSpec, write_model
from trust.operators.dense_chain import random_network


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_same_seed_same_bytes() -> None:
    """A network can be named by its seed."""
    assert random_network(_rng(7)) == random_network(_rng(7))
    assert random_network(_rng(7)) != random_network(_rng(8))


def test_what_is_written_is_read() -> None:
    """Weights, biases, scales, zero points and activations come back."""
    rng = _rng(0)
    layers = [
        LayerSpec(
            weights=rng.integers(-128, 128, (5, 3)).astype(np.int8),
            bias=rng.integers(-1000, 1000, 5).astype(np.int32),
            weight_scales=rng.uniform(0.01, 0.1, 5).astype(np.float32),
            output=Quantization(0.5, -7),
            activation="relu",
        ),
        LayerSpec(
            weights=rng.integers(-128, 128, (2, 5)).astype(np.int8),
            bias=None,
            weight_scales=np.array([0.25], np.float32),
            output=Quantization(2.0, 9),
        ),
    ]
    model = parse_network(write_model(layers, input=Quantization(0.125, 3), output_type="float32"), file="x")
    for spec, layer in zip(layers, model.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, spec.weights)
        np.testing.assert_array_equal(layer.bias, np.zeros(2) if spec.bias is None else spec.bias)
        np.testing.assert_array_equal(layer.weight_scales, np.resize(spec.weight_scales, layer.outputs))
        assert (layer.output, layer.activation) == (spec.output, spec.activation)
    assert model.layers[0].input == Quantization(0.125, 3)
    assert model.output.dtype == np.float32


def test_options_are_kept() -> None:
    """Options that are given are not drawn."""
    data = random_network(
        _rng(1),
        widths=(3, 1, 4),
        per_channel=True,
        activation="relu6",
        input_type="uint8",
        output_type="float32",
        style="trained",
    )
    model = parse_network(data, file="x")
    assert [layer.weights.shape for layer in model.layers] == [(1, 3), (4, 1)]
    assert model.layers[1].per_channel
    assert {layer.activation for layer in model.layers} == {"relu6"}
    assert (model.input.dtype, model.output.dtype) == (np.uint8, np.float32)
    narrow = parse_network(random_network(_rng(2), layers=3, inputs=1, outputs=2, max_width=4), file="x")
    assert (len(narrow.layers), narrow.input.count, narrow.output.count) == (3, 1, 2)
    assert max(max(layer.weights.shape) for layer in narrow.layers) <= 4


@pytest.fixture(scope="module")
def crowd() -> list:
    """A hundred networks, everything drawn."""
    networks = (random_network(_rng(seed), input_type=None, output_type=None) for seed in range(100))
    return [parse_network(data, file="x") for data in networks]


def test_corners_occur(crowd: list) -> None:
    """The generator reaches the corners it is there for."""
    layers = [layer for model in crowd for layer in model.layers]
    shifts = np.concatenate([layer.shift for layer in layers])
    assert {len(model.layers) for model in crowd} == {1, 2, 3, 4, 5}
    assert (1, 1) in {layer.weights.shape for layer in layers}
    assert max(max(layer.weights.shape) for layer in layers) >= 60
    assert shifts.min() <= -30
    assert shifts.max() >= 4
    assert {31 - int(shift) > 32 for shift in shifts} == {True, False}
    assert {layer.activation for layer in layers} == {"none", "relu", "relu6"}
    assert {layer.per_channel for layer in layers} == {True, False}
    assert {-128, 0, 127} <= {layer.input.zero_point for layer in layers}
    assert max(int(np.abs(layer.bias.astype(np.int64)).max()) for layer in layers) > 2**30
    assert {model.input.dtype.name for model in crowd} == {"int8", "uint8", "float32"}
    assert {model.output.dtype.name for model in crowd} == {"int8", "uint8", "float32"}
    assert any((layer.multiplier == 0).any() for layer in layers)
    assert any((layer.weights == -128).any() for layer in layers)
