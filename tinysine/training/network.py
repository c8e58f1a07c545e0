"""The networks as Keras knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinysine.training.dataset import generator
from tinysine.training.descent import EPSILON, RHO, Layer, initial_layers
from tinysine.training.settings import TrainingSettings
from tinysine.training.tensorflow_import import tensorflow_quietly


def build_network(settings: TrainingSettings, *, layers: Sequence[Layer] | None = None) -> Any:
    """Build and compile the Keras model: Dense(relu) for each hidden width, then Dense(1); rmsprop, mse, mae.

    Args:
        settings: `network`, `seed` and `learning_rate` are used.
        layers: weights to put in; by default the seed's initial ones.
    Returns:
        keras.Sequential, ready for `fit`, `predict`, `summary`.
    """
    if layers is None:
        layers = initial_layers(settings.layer_sizes, generator(settings, "weights"))
    with tensorflow_quietly() as tf:
        keras = tf.keras
        *hidden, _ = settings.layer_sizes[1:]
        # Keras numbers unnamed layers through the life of the process; the .tflite file carries the names.
        stack = [keras.Input((1,), name="x")]
        stack += [
            keras.layers.Dense(width, activation="relu", name=f"hidden_{number}")
            for number, width in enumerate(hidden, 1)
        ]
        stack.append(keras.layers.Dense(1, name="sine"))
        network = keras.Sequential(stack, name=_keras_name(settings.network))
        optimizer = keras.optimizers.RMSprop(learning_rate=settings.learning_rate, rho=RHO, epsilon=EPSILON)
        network.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
        network.set_weights([array for layer in layers for array in (layer.kernel, layer.bias)])
    return network


def _keras_name(network: str) -> str:
    name = network.replace("-", "_")
    return name if name[0].isalpha() else f"network_{name}"
