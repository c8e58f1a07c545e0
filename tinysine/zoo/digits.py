"""Handwritten digits: scikit-learn's 1,797 pictures of 8 x 8, and a small convolutional network that reads them."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.training.conversion import Converted, convert_network
from tinysine.training.files import SCHEMA, tflite_files
from tinysine.training.fitting import History, OnEpoch, fit
from tinysine.training.tensorflow_import import tensorflow_quietly

NAME = "digits"
BATCH_SIZE = 32
LEARNING_RATE = 0.004
CLASSES = 10
_WHITE = 16.0  # the data's brightest pixel
_TEST_SHARE = 0.25
_REPRESENTATIVE = 200


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
        history: loss and accuracy by epoch, those of the test pictures with "val_" before their names.
    """

    converted: Converted
    parameters: int
    test: Pictures
    history: History


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
        network = _network(tf, seed)
        history = fit(
            network,
            train=(train.x, train.labels),
            validation=(test.x, test.labels),
            optimizer=tf.keras.optimizers.Adam(LEARNING_RATE),
            loss="sparse_categorical_crossentropy",
            metric="accuracy",
            epochs=epochs,
            batch_size=BATCH_SIZE,
            seed=seed,
            on_epoch=on_epoch,
        )
        converted = convert_network(network, train.x[:_REPRESENTATIVE])
    return Digits(converted=converted, parameters=int(network.count_params()), test=test, history=history)


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
        "history": {name: values.tolist() for name, values in digits.history.items()},
        "versions": {name: importlib.metadata.version(name) for name in names},
        "sha256": {
            name: hashlib.sha256(data).hexdigest()
            for name, data in tflite_files(digits.converted, name=NAME).items()
        },
    }


def _network(tf: Any, seed: int) -> Any:
    layers = tf.keras.layers
    seeds = np.random.default_rng(seed)

    def initial() -> Any:
        return tf.keras.initializers.GlorotUniform(seed=int(seeds.integers(2**31)))

    return tf.keras.Sequential(
        [
            tf.keras.Input(shape=(8, 8, 1), batch_size=1),
            layers.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer=initial()),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", depthwise_initializer=initial()),
            layers.Conv2D(24, 1, activation="relu", kernel_initializer=initial()),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax", kernel_initializer=initial()),
        ]
    )
