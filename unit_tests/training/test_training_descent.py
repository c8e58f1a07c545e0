"""The optimiser: gradients against finite differences, steps against a plain reading of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.training import Layer, Samples, TrainingSettings, make_dataset, train
from tinysine.training.dataset import generator
from tinysine.training.descent import _Parameters, descend, forward, initial_layers

Weights = list[NDArray[np.float64]]


def _flat(layers: tuple[Layer, ...]) -> Weights:
    return [array.astype(np.float64) for layer in layers for array in (layer.kernel, layer.bias)]


def _predict(weights: Weights, x: NDArray[np.float64]) -> NDArray[np.float64]:
    values = x.reshape(-1, 1)
    for index in range(0, len(weights), 2):
        values = values @ weights[index] + weights[index + 1]
        if index < len(weights) - 2:
            values = np.maximum(values, 0.0)
    return values[:, 0]


@hypothesis_settings(deadline=None)  # a busy machine is no failure
@given(seed=st.integers(0, 10_000), hidden=st.lists(st.integers(1, 6), max_size=3), batch=st.integers(1, 7))
def test_gradients_match_finite_differences(seed: int, hidden: list[int], batch: int) -> None:
    """Each gradient is the slope of the mean squared error, measured by moving it in float64."""
    rng = np.random.default_rng(seed)
    layers = initial_layers((1, *hidden, 1), rng)
    biases = [rng.normal(size=layer.bias.shape).astype(np.float32) for layer in layers]
    layers = tuple(Layer(layer.kernel, bias) for layer, bias in zip(layers, biases, strict=True))
    x, y = rng.normal(size=(2, batch, 1)).astype(np.float32)
    state = _Parameters(layers)
    state.gradient_of_mse(x, y)
    weights, step, measured = _flat(layers), 1e-7, []
    for array in weights:
        for place in np.ndindex(array.shape):
            errors = []
            for move in (step, -2.0 * step):
                array[place] += move
                errors.append(np.mean((_predict(weights, x[:, 0].astype(np.float64)) - y[:, 0]) ** 2))
            array[place] += step
            measured.append((errors[0] - errors[1]) / (2.0 * step))
    np.testing.assert_allclose(state.gradients, measured, rtol=2e-3, atol=2e-4)


def test_steps_follow_the_formula_of_rmsprop() -> None:
    """Two epochs with a short last batch equal a float64 loop that spells RMSprop out."""
    settings = TrainingSettings(samples=100, epochs=2, averaged=0.0)
    dataset = make_dataset(settings)
    start = initial_layers(settings.layer_sizes, generator(settings, "weights"))
    fitted, history = descend(
        start,
        dataset.train,
        dataset.validation,
        epochs=2,
        batch_size=16,
        learning_rate=0.001,
        rng=np.random.default_rng(9),
    )
    weights, order = _flat(start), np.random.default_rng(9)
    squares = [np.zeros_like(array) for array in weights]
    for epoch in range(2):
        permutation, losses = order.permutation(60), []
        for first in range(0, 60, 16):
            chosen = permutation[first : first + 16]
            x, y = dataset.train.x[chosen].astype(np.float64), dataset.train.y[chosen].astype(np.float64)
            losses += list((_predict(weights, x) - y) ** 2)
            for array, square, slope in zip(weights, squares, _slopes(weights, x, y), strict=True):
                square[:] = 0.9 * square + 0.1 * slope**2
                array[:] -= 0.001 * slope / np.sqrt(square + 1e-7)
        assert len(losses) == 60  # the last batch has 12 samples, and they count
        assert history.loss[epoch] == pytest.approx(np.mean(losses), rel=1e-5)
        held_out = _predict(weights, dataset.validation.x.astype(np.float64)) - dataset.validation.y
        assert history.val_mae[epoch] == pytest.approx(np.mean(np.abs(held_out)), rel=1e-4)
    for mine, theirs in zip(_flat(fitted), weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def _slopes(weights: Weights, x: NDArray[np.float64], y: NDArray[np.float64]) -> Weights:
    inputs = [x.reshape(-1, 1)]
    for index in range(0, len(weights) - 2, 2):
        inputs.append(np.maximum(inputs[-1] @ weights[index] + weights[index + 1], 0.0))
    delta = 2.0 / len(x) * (inputs[-1] @ weights[-2] + weights[-1] - y.reshape(-1, 1))
    slopes: Weights = []
    for index in range(len(weights) - 2, -1, -2):
        slopes[:0] = [inputs[index // 2].T @ delta, delta.sum(axis=0)]
        delta = (delta @ weights[index].T) * (inputs[index // 2] > 0)
    return slopes


def test_average_is_of_the_last_epochs() -> None:
    """Averaging two of three epochs gives the mean of the weights after epochs two and three."""

    def fit(epochs: int, averaged_epochs: int) -> Weights:
        dataset = make_dataset(TrainingSettings(samples=50))
        start = initial_layers((1, 4, 1), np.random.default_rng(1))
        layers, _ = descend(
            start,
            dataset.train,
            dataset.validation,
            epochs=epochs,
            batch_size=16,
            learning_rate=0.01,
            averaged_epochs=averaged_epochs,
            rng=np.random.default_rng(2),
        )
        return _flat(layers)

    for averaged, second, third in zip(fit(3, 2), fit(2, 1), fit(3, 1), strict=True):
        np.testing.assert_allclose(averaged, (second + third) / 2.0, atol=1e-7)
        assert not np.array_equal(second, third)


def test_initial_kernels_are_glorot_uniform_and_biases_zero() -> None:
    """Kernels fill [-limit, limit] evenly, limit = sqrt(6 / (inputs + outputs)); biases are zero."""
    (layer,) = initial_layers((200, 300), np.random.default_rng(0))
    limit = np.sqrt(6.0 / 500.0)
    assert np.abs(layer.kernel).max() <= limit
    assert layer.kernel.std() == pytest.approx(limit / np.sqrt(3.0), rel=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize(("network", "parameters"), [("model_1", 49), ("model_2", 321)])
def test_parameter_counts_are_the_articles(network: str, parameters: int) -> None:
    """model_1 has 49 parameters, model_2 has 321."""
    assert train(TrainingSettings(network=network, epochs=1)).parameters == parameters


def test_training_is_repeatable_and_depends_on_the_seed() -> None:
    """Same settings, same weights to the last bit; another seed, other weights."""
    first, again, other = (train(TrainingSettings(seed=seed, epochs=3)) for seed in (1, 1, 2))
    for mine, same in zip(_flat(first.layers), _flat(again.layers), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert not np.array_equal(first.layers[0].kernel, other.layers[0].kernel)


def test_every_epoch_is_reported_once_and_in_order() -> None:
    """The callback counts epochs from 1 and carries the history's own loss and MAE."""
    seen: list[tuple[int, int, float, float]] = []
    trained = train(TrainingSettings(epochs=4), on_epoch=lambda *told: seen.append(told))
    assert [told[:2] for told in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [told[2] for told in seen] == list(trained.history.loss)
    assert [told[3] for told in seen] == list(trained.history.mae)
    assert all(len(values) == 4 for values in vars(trained.history).values())


def test_loss_falls() -> None:
    """Sixty epochs halve the validation loss and bring the prediction near the sine."""
    trained = train(TrainingSettings(epochs=60))
    assert trained.history.val_loss[-1] < trained.history.val_loss[0] / 2.0
    x = np.linspace(0.0, 6.28, 50, dtype=np.float32)
    assert np.mean(np.abs(trained.predict(x) - np.sin(x))) < 0.3


def test_own_dataset_is_used() -> None:
    """Data handed in replaces the settings' data: a constant is learned as a constant."""
    x = np.linspace(0.0, 1.0, 64, dtype=np.float32)
    flat = Samples(x, np.full_like(x, 0.5))
    mine = make_dataset(TrainingSettings())
    mine = type(mine)(clean=flat, noisy=flat, train=flat, validation=flat, test=flat)
    trained = train(TrainingSettings(epochs=150, learning_rate=0.01), dataset=mine)
    np.testing.assert_allclose(trained.predict(x), 0.5, atol=0.1)


def test_divergence_is_reported_and_not_returned() -> None:
    """A learning rate that blows the loss up is a ConfigError about it, without warnings from numpy."""
    with pytest.raises(ConfigError, match="diverged") as caught:
        train(TrainingSettings(epochs=5, learning_rate=1e6, network="16-16-16-16-16-16-16"))
    assert caught.value.facts["key"] == "learning_rate"


def test_input_layers_are_left_alone() -> None:
    """`descend` works on a copy of the layers it starts from."""
    dataset = make_dataset(TrainingSettings(samples=50))
    start = initial_layers((1, 4, 1), np.random.default_rng(1))
    before = [array.copy() for array in _flat(start)]
    descend(
        start,
        dataset.train,
        dataset.validation,
        epochs=1,
        batch_size=8,
        learning_rate=0.01,
        rng=np.random.default_rng(0),
    )
    for array, copy in zip(_flat(start), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_forward_matches_plain_arithmetic() -> None:
    """The float32 forward pass is the float64 one to rounding."""
    layers = initial_layers((1, 16, 16, 1), np.random.default_rng(3))
    x = np.linspace(-1.0, 7.0, 100, dtype=np.float32)
    np.testing.assert_allclose(forward(layers, x), _predict(_flat(layers), x.astype(np.float64)), atol=1e-5)
