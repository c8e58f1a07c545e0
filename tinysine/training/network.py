"""The sine networks and their optimizer, as Keras knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinysine.training.settings import TrainingSettings
from tinysine.training.tensorflow_import import tensorflow_quietly


def build_network(settings: TrainingSettings) -> Any:
    """Build the Keras model: Dense(relu) for each hidden width, then Dense(1).

    Args:
        settings: `network` and `seed` are used.
    Returns:
        keras.Sequential with the seed's initial weights, not compiled.
    """
    with tensorflow_quietly() as tf:
        keras = tf.keras
        seeds = np.random.default_rng(settings.seeds("weights"))

        def dense(width: int, name: str, activation: str | None) -> Any:
            initializer = keras.initializers.GlorotUniform(seed=int(seeds.integers(2**31)))
            return keras.layers.Dense(width, activation=activation, kernel_initializer=initializer, name=name)

        *hidden, last = settings.layer_sizes[1:]
        # Keras numbers unnamed layers through the life of the process; the .tflite file carries the names.
        stack = [keras.Input((1,), name="x")]
        stack += [dense(width, f"hidden_{number}", "relu") for number, width in enumerate(hidden, 1)]
        stack.append(dense(last, "sine", None))
        return keras.Sequential(stack, name=_keras_name(settings.network))


def new_optimizer(settings: TrainingSettings, *, samples: int) -> Any:
    """Make the RMSprop of a recipe, which averages weights where the recipe says so.

    Args:
        settings: `learning_rate`, `epochs`, `batch_size` and `averaged` are used.
        samples: of an epoch.
    Returns:
        keras.optimizers.RMSprop.
    """
    steps = settings.averaged * settings.epochs * -(-samples // settings.batch_size)
    averaging = {"use_ema": True, "ema_momentum": 1.0 - 1.0 / steps} if steps > 1.0 else {}
    with tensorflow_quietly() as tf:
        return tf.keras.optimizers.RMSprop(settings.learning_rate, **averaging)


def _keras_name(network: str) -> str:
    name = network.replace("-", "_")
    return name if name[0].isalpha() else f"network_{name}"
