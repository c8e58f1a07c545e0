"""Training the sine network: settings in, a fitted network with its history out."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.training.dataset import Dataset, FloatArray, Samples, make_dataset
from tinysine.training.fitting import History, OnEpoch, Pairs, fit
from tinysine.training.network import build_network, new_optimizer
from tinysine.training.settings import TrainingSettings
from tinysine.training.tensorflow_import import tensorflow_quietly


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted network, and how it came to be.

    Attributes:
        settings: the recipe.
        dataset: what it learned from.
        model: keras.Model.
        history: loss and MAE by epoch.
        seconds: what the fit took.
        versions: of the interpreter and the packages that decide the result.
    """

    settings: TrainingSettings
    dataset: Dataset
    model: Any
    history: History
    seconds: float
    versions: dict[str, str]

    @property
    def parameters(self) -> int:
        """Return the number of weights and biases."""
        return int(self.model.count_params())

    def predict(self, x: FloatArray) -> FloatArray:
        """Run the fitted network.

        Args:
            x: float32 [n], radians.
        Returns:
            float32 [n].
        """
        with tensorflow_quietly():
            return np.asarray(self.model(_column(x)))[:, 0]


def train(
    settings: TrainingSettings | None = None,
    *,
    dataset: Dataset | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Fit a network to the noisy sine.

    Same settings and versions, same weights to the last bit on the same machine.

    Args:
        settings: the recipe; `TrainingSettings()` by default.
        dataset: data of one's own in place of the settings'.
        on_epoch: called as on_epoch(epoch, epochs, loss, mae) after each epoch, epoch counted from 1.
    Raises:
        ConfigError: tensorflow is not installed, or the loss stopped being a number.
    """
    settings = settings or TrainingSettings()
    dataset = dataset or make_dataset(settings)
    with tensorflow_quietly():
        began = time.perf_counter()
        model = build_network(settings)
        history = fit(
            model,
            train=_pairs(dataset.train),
            validation=_pairs(dataset.validation),
            optimizer=new_optimizer(settings, samples=len(dataset.train)),
            loss="mse",
            metric="mae",
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            seed=int(settings.seeds("order").generate_state(1)[0]),
            on_epoch=on_epoch,
        )
    return Trained(settings, dataset, model, history, time.perf_counter() - began, versions())


def versions() -> dict[str, str]:
    """Versions of what decides the weights and the .tflite files; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in ("tinysine", "numpy", "tensorflow", "keras"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _pairs(samples: Samples) -> Pairs:
    return _column(samples.x), _column(samples.y)


def _column(values: FloatArray) -> FloatArray:
    return np.asarray(values, np.float32).reshape(-1, 1)
