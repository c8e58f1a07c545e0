"""Mini-batch RMSprop on a chain of dense layers, in numpy: what Keras' `fit` computes, without its overhead.

A batch of 16 through 321 parameters is a few microseconds of arithmetic; `fit` spends a hundred times that on
moving between Python and TensorFlow. Here all parameters, gradients and mean squares live in one flat array
each, so that an optimiser step is a handful of numpy calls.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.training.dataset import FloatArray, Samples

RHO = 0.9
EPSILON = 1e-7

OnEpoch = Callable[[int, int, float, float], None]
"""Called after each epoch with (epoch counted from 1, epochs, training loss, training MAE)."""


@dataclass(frozen=True)
class Layer:
    """One dense layer.

    Attributes:
        kernel: float32 [inputs, outputs].
        bias: float32 [outputs].
    """

    kernel: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class History:
    """What each epoch came to; float64 [epochs] each.

    `loss` and `mae` are averages over the epoch's batches, taken while the weights were moving; `val_loss`
    and `val_mae` are of the validation set at the end of the epoch. Both are as Keras reports them.
    """

    loss: NDArray[np.float64]
    mae: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_mae: NDArray[np.float64]


def initial_layers(sizes: Sequence[int], rng: np.random.Generator) -> tuple[Layer, ...]:
    """Draw kernels from Glorot's uniform distribution; biases start at zero.

    Args:
        sizes: widths from the input to the output.
        rng: decides the weights.
    Source:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    """
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        limit = math.sqrt(6.0 / (fan_in + fan_out))
        kernel = rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
        layers.append(Layer(kernel, np.zeros(fan_out, np.float32)))
    return tuple(layers)


def forward(layers: Sequence[Layer], x: FloatArray) -> FloatArray:
    """Run the network: relu after every layer but the last.

    Args:
        layers: from input to output; one input, one output.
        x: float32 [n].
    Returns:
        float32 [n].
    """
    values: FloatArray = np.asarray(x, np.float32).reshape(-1, 1)
    for layer in layers[:-1]:
        values = np.maximum(values @ layer.kernel + layer.bias, np.float32(0.0))
    return (values @ layers[-1].kernel + layers[-1].bias)[:, 0]


def descend(
    layers: Sequence[Layer],
    train: Samples,
    validation: Samples,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    averaged_epochs: int = 1,
    rng: np.random.Generator,
    on_epoch: OnEpoch | None = None,
) -> tuple[tuple[Layer, ...], History]:
    """Minimise the mean squared error by RMSprop, reshuffling the training set before each epoch.

    Args:
        layers: where to start; not changed.
        train, validation: the data.
        epochs, batch_size, learning_rate: as in Keras; a last, shorter batch is used too.
        averaged_epochs: the result is the average of the weights at the end of this many last epochs.
        rng: decides the order of the samples, one permutation per epoch.
        on_epoch: told how each epoch went.
    Returns:
        The fitted layers and what each epoch came to.
    Raises:
        ConfigError: the loss stopped being a number.
    Source:
        RMSprop as Keras defines it: v = 0.9 v + 0.1 g^2, w = w - learning_rate * g / sqrt(v + 1e-7);
        compared with Keras over many steps in unit_tests/training.
    """
    state = _Parameters(layers)
    mean_square = np.zeros_like(state.values)
    rate, rho, one_minus_rho = (np.float32(value) for value in (learning_rate, RHO, 1.0 - RHO))
    epsilon = np.float32(EPSILON)
    x, y = train.x.reshape(-1, 1), train.y.reshape(-1, 1)
    history = np.zeros((4, epochs))
    total = np.zeros_like(state.values, np.float64)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        shuffled_x, shuffled_y = x[order], y[order]
        residuals = np.empty_like(y)
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging run is reported below, once
            for start in range(0, len(x), batch_size):
                batch = slice(start, start + batch_size)
                residuals[batch] = state.gradient_of_mse(shuffled_x[batch], shuffled_y[batch])
                mean_square *= rho
                mean_square += one_minus_rho * (state.gradients * state.gradients)
                state.values -= rate * state.gradients / np.sqrt(mean_square + epsilon)
            held_out = forward(state.layers, validation.x) - validation.y
            history[:, epoch] = (*_mse_and_mae(residuals), *_mse_and_mae(held_out))
        if not np.isfinite(history[:, epoch]).all():
            raise ConfigError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a number",
                hint="lower the learning rate",
                key="learning_rate",
                allowed=None,
            )
        if epoch >= epochs - averaged_epochs:
            total += state.values
        if on_epoch is not None:
            on_epoch(epoch + 1, epochs, float(history[0, epoch]), float(history[1, epoch]))
    state.values[:] = total / min(averaged_epochs, epochs)
    fitted = tuple(Layer(layer.kernel.copy(), layer.bias.copy()) for layer in state.layers)
    return fitted, History(*history)


def _mse_and_mae(residuals: FloatArray) -> tuple[float, float]:
    wide = residuals.astype(np.float64)
    return float(np.mean(wide * wide)), float(np.mean(np.abs(wide)))


class _Parameters:
    """All parameters in one flat array and all gradients in another, with a view of each layer into both."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        count = sum(layer.kernel.size + layer.bias.size for layer in layers)
        self.values = np.empty(count, np.float32)
        self.gradients = np.zeros(count, np.float32)
        self.layers = _views(self.values, layers)
        self.slopes = _views(self.gradients, layers)
        for mine, given in zip(self.layers, layers, strict=True):
            mine.kernel[:], mine.bias[:] = given.kernel, given.bias

    def gradient_of_mse(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fill `gradients` for one batch; return prediction minus truth, float32 [batch, 1]."""
        zero = np.float32(0.0)
        activations = [x]
        for layer in self.layers[:-1]:
            values = activations[-1] @ layer.kernel
            values += layer.bias
            activations.append(np.maximum(values, zero, out=values))
        residual: FloatArray = activations[-1] @ self.layers[-1].kernel + self.layers[-1].bias - y
        delta = residual * np.float32(2.0 / len(x))
        for index in range(len(self.layers) - 1, -1, -1):
            slope, inputs = self.slopes[index], activations[index]
            np.matmul(inputs.T, delta, out=slope.kernel)
            delta.sum(axis=0, out=slope.bias)
            if index:
                delta = delta @ self.layers[index].kernel.T
                delta *= inputs > zero
        return residual


def _views(flat: FloatArray, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    views, position = [], 0
    for layer in layers:
        after_kernel = position + layer.kernel.size
        after_bias = after_kernel + layer.bias.size
        kernel = flat[position:after_kernel].reshape(layer.kernel.shape)
        views.append(Layer(kernel, flat[after_kernel:after_bias]))
        position = after_bias
    return tuple(views)
