"""Training: settings in, a fitted network with its history out."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import time
from dataclasses import dataclass
from typing import Any

from tinysine.training.dataset import Dataset, FloatArray, generator, make_dataset
from tinysine.training.descent import History, Layer, OnEpoch, descend, forward, initial_layers
from tinysine.training.network import build_network
from tinysine.training.settings import TrainingSettings


@dataclass(frozen=True)
class Trained:
    """A fitted network, and how it came to be.

    Attributes:
        settings: the recipe.
        dataset: what it learned from.
        layers: the fitted weights, from input to output.
        history: loss and MAE by epoch.
        seconds: what the fit took.
        versions: of the interpreter and the packages that decide the result.
    """

    settings: TrainingSettings
    dataset: Dataset
    layers: tuple[Layer, ...]
    history: History
    seconds: float
    versions: dict[str, str]

    @property
    def parameters(self) -> int:
        """How many weights and biases there are."""
        return sum(layer.kernel.size + layer.bias.size for layer in self.layers)

    @functools.cached_property
    def model(self) -> Any:
        """The compiled Keras model with the fitted weights; tensorflow is imported at the first use."""
        return build_network(self.settings, layers=self.layers)

    def predict(self, x: FloatArray) -> FloatArray:
        """Run the fitted network, without tensorflow.

        Args:
            x: float32 [n], radians.
        Returns:
            float32 [n].
        """
        return forward(self.layers, x)


def train(
    settings: TrainingSettings | None = None,
    *,
    dataset: Dataset | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Fit a network to the noisy sine.

    Same settings and versions, same weights to the last bit.

    Args:
        settings: the recipe; the article's by default.
        dataset: data of one's own in place of the settings'.
        on_epoch: called as on_epoch(epoch, epochs, loss, mae) after each epoch, epoch counted from 1.
    Raises:
        ConfigError: the loss stopped being a number.
    """
    settings = settings or TrainingSettings()
    dataset = dataset or make_dataset(settings)
    began = time.perf_counter()
    layers, history = descend(
        initial_layers(settings.layer_sizes, generator(settings, "weights")),
        dataset.train,
        dataset.validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        averaged_epochs=settings.averaged_epochs,
        rng=generator(settings, "order"),
        on_epoch=on_epoch,
    )
    seconds = time.perf_counter() - began
    return Trained(settings, dataset, layers, history, seconds, versions())


def versions() -> dict[str, str]:
    """Versions of what decides the weights and the .tflite files; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in ("tinysine", "numpy", "tensorflow", "keras"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
