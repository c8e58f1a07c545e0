"""Handwritten digits: scikit-learn's 1,797 pictures of 8 x 8, and a small convolutional network that reads them."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.training.conversion import Converted, convert_network
from tinysine.training.files import SCHEMA, tflite_files
from tinysine.training.tensorflow_import import tensorflow_quietly

NAME = "digits"
BATCH_SIZE = 32
LEARNING_RATE = 0.004
CLASSES = 10
_WHITE = 16.0  # the data's brightest pixel
_TEST_SHARE = 0.25
_REPRESENTATIVE = 200

OnEpoch = Callable[[int, int, float, float], None]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Some of the data.

    Attributes:
        x: float32 [n, 8, 8, 1], brightness from 0 to 1.
        labels: int64 [n], the digit that was written.
    """

    x: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Digits:
    """A trained and converted network, and what it has not seen in training.

    Attributes:
        converted: the network as TensorFlow Lite files.
        parameters: how many weights and biases it has.
        test: pictures that took no part in training.
        loss, accuracy: of the training, by epoch.
        val_loss, val_accuracy: on the test pictures, by epoch.
    """

    converted: Converted
    parameters: int
    test: Pictures
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]


def load_digits(seed: int) -> tuple[Pictures, Pictures]:
    """Return the data in two parts: for training, and for the test; each has the same share of every digit.

    Args:
        seed: shuffles.
    Raises:
        ConfigError: scikit-learn, whose data it is, is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "the digits are data of scikit-learn, which is not installed",
            hint='pip install "tinysine[train]"',
            key="example",
            allowed=None,
        ) from error
    images, labels = load(return_X_y=True)
    x = (images.reshape(-1, 8, 8, 1) / _WHITE).astype(np.float32)
    labels = labels.astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(x))
    rank = np.empty(len(x))
    for digit in range(CLASSES):
        mine = order[labels[order] == digit]
        rank[mine] = np.arange(len(mine)) / len(mine)
    test, train = order[rank[order] < _TEST_SHARE], order[rank[order] >= _TEST_SHARE]
    return Pictures(x[train], labels[train]), Pictures(x[test], labels[test])


def make_digits(*, seed: int, epochs: int, on_epoch: OnEpoch | None = None) -> Digits:
    """Train the network and convert it. Same seed and versions, same bytes on the same machine.

    Args:
        seed: of the split, the weights and the order of training.
        epochs: of training.
        on_epoch: called as on_epoch(epoch, epochs, loss, accuracy) after each epoch, epoch counted from 1.
    Raises:
        ConfigError: tensorflow or scikit-learn is not installed.
        ModelError: the converter refused.
    """
    train, test = load_digits(seed)
    with tensorflow_quietly() as tf:
        tf.keras.utils.set_random_seed(seed)
        network = _network(tf)
        network.compile(
            optimizer=tf.keras.optimizers.Adam(LEARNING_RATE),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=-(
                -len(train.x) // BATCH_SIZE
            ),  # an epoch at a time: most of `fit` is overhead
        )
        callbacks = [] if on_epoch is None else [_progress(tf, epochs, on_epoch)]
        history = network.fit(
            train.x,
            train.labels,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            validation_data=(test.x, test.labels),
            callbacks=callbacks,
            verbose=0,
        ).history
        converted = convert_network(network, train.x[:_REPRESENTATIVE])
    return Digits(
        converted=converted,
        parameters=int(network.count_params()),
        test=test,
        loss=np.array(history["loss"]),
        accuracy=np.array(history["accuracy"]),
        val_loss=np.array(history["val_loss"]),
        val_accuracy=np.array(history["val_accuracy"]),
    )


def provenance(digits: Digits, *, seed: int, epochs: int) -> dict[str, Any]:
    """Say what was made, from what, and with what, as plain values for JSON."""
    names = ("numpy", "scikit-learn", "tensorflow")
    return {
        "schema": SCHEMA,
        "settings": {
            "seed": seed,
            "epochs": epochs,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
        },
        "data": "scikit-learn's load_digits",
        "loss": digits.loss.tolist(),
        "accuracy": digits.accuracy.tolist(),
        "val_loss": digits.val_loss.tolist(),
        "val_accuracy": digits.val_accuracy.tolist(),
        "versions": {name: importlib.metadata.version(name) for name in names},
        "sha256": {
            name: hashlib.sha256(data).hexdigest()
            for name, data in tflite_files(digits.converted, name=NAME).items()
        },
    }


def _network(tf: Any) -> Any:
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input(shape=(8, 8, 1), batch_size=1),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(24, 1, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def _progress(tf: Any, epochs: int, on_epoch: OnEpoch) -> Any:
    def end(epoch: int, logs: dict[str, float]) -> None:
        on_epoch(epoch + 1, epochs, logs["loss"], logs["accuracy"])

    return tf.keras.callbacks.LambdaCallback(on_epoch_end=end)
