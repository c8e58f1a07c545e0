"""Settings of a training run: every number of the recipe, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinysine import training_defaults
from tinysine.errors import ConfigError, unknown_name

NETWORKS: dict[str, tuple[int, ...]] = {"model_1": (16,), "model_2": (16, 16)}
"""Hidden layer widths by name: the article's first network, too small on purpose, and its second."""

MAX_SAMPLES = 10_000_000
MAX_WIDTH = 4096


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The recipe of one training run; the defaults are the article's, but for the last two.

    Args:
        samples: how many points are drawn.
        noise: standard deviation of the normal noise added to sin(x).
        split: fractions for training, validation and test; they add up to 1.
        seed: decides data, noise, initial weights and the order of the batches.
        epochs: passes over the training data.
        batch_size: samples per optimiser step; the last batch of an epoch may be shorter.
        network: "model_1", "model_2", or hidden layer widths such as "32-16".
        learning_rate: of RMSprop. Keras' own 0.001 is small for so few samples: of nine seeds one found no sine at
            all; at 0.004 all nine did, and the median error was a quarter smaller.
        averaged: memory of the moving average of the weights, as a fraction of all epochs. RMSprop at a constant
            rate keeps jumping around the minimum (the MAE against the sine of one epoch and the next differ by
            a factor of two); the average is in the middle. 0 keeps the last weights, as Keras does by default.
    Raises:
        ConfigError: a value that makes no sense; facts `key` and `allowed`.
    """

    samples: int = training_defaults.SAMPLES
    noise: float = training_defaults.NOISE
    split: tuple[float, float, float] = training_defaults.SPLIT
    seed: int = training_defaults.SEED
    epochs: int = training_defaults.EPOCHS
    batch_size: int = training_defaults.BATCH_SIZE
    network: str = training_defaults.NETWORK
    learning_rate: float = 0.004
    averaged: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", tuple(self.split))
        _require_integer("samples", self.samples, 3, MAX_SAMPLES)
        _require_integer("seed", self.seed, 0, 2**63 - 1)
        _require_integer("epochs", self.epochs, 1, 1_000_000)
        _require_integer("batch_size", self.batch_size, 1, MAX_SAMPLES)
        _require_real("noise", self.noise, low=0.0)
        _require_real("learning_rate", self.learning_rate, low=1e-12)
        _require_real("averaged", self.averaged, low=0.0, high=1.0)
        _require_split(self.split, self.samples)
        hidden_widths(self.network)

    @property
    def split_counts(self) -> tuple[int, int, int]:
        """Return the numbers of samples that train, validate and test; the rest after rounding goes to the test set."""
        return _counts(self.split, self.samples)

    def seeds(self, purpose: Literal["data", "weights", "order"]) -> np.random.SeedSequence:
        """Return the source of random numbers for one purpose: changing the network never changes the data."""
        number = ("data", "weights", "order").index(purpose)
        return np.random.SeedSequence(entropy=self.seed, spawn_key=(number,))

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths from the input to the output, both 1."""
        return (1, *hidden_widths(self.network), 1)


def hidden_widths(network: str) -> tuple[int, ...]:
    """Turn a network's name, or widths such as "32-16", into hidden layer widths.

    Raises:
        ConfigError: neither; facts `key`, `allowed`, `nearest`.
    """
    if network in NETWORKS:
        return NETWORKS[network]
    parts = network.split("-")
    if all(part.isascii() and part.isdigit() and 1 <= int(part) <= MAX_WIDTH for part in parts):
        return tuple(int(part) for part in parts)
    message = (
        f"{network!r} is neither a network's name nor widths of layers, such as 32-16, from 1 to {MAX_WIDTH}"
    )
    raise unknown_name(message, network, NETWORKS, key="network")


def _counts(split: tuple[float, float, float], samples: int) -> tuple[int, int, int]:
    first = round(split[0] * samples)
    second = round((split[0] + split[1]) * samples)
    return first, second - first, samples - second


def _require_integer(key: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{key} cannot be {value!r}",
            hint=f"use a whole number from {low} to {high}",
            key=key,
            allowed=(low, high),
        )


def _require_real(key: str, value: object, *, low: float, high: float = 1e6) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(
            f"{key} cannot be {value!r}",
            hint=f"use a number from {low:g} to {high:g}",
            key=key,
            allowed=(low, high),
        )


def _require_split(split: tuple[float, ...], samples: int) -> None:
    problem = ""
    if len(split) != 3:
        problem = "three fractions are needed: training, validation, test"
    elif not all(isinstance(part, int | float) and 0.0 < part < 1.0 for part in split):
        problem = "each fraction lies between 0 and 1"
    elif abs(sum(split) - 1.0) > 1e-6:
        problem = f"the fractions add up to {sum(split):g}, not to 1"
    elif min(_counts((split[0], split[1], split[2]), samples)) < 1:
        problem = f"one part of {samples} samples would be empty"
    if problem:
        raise ConfigError(
            f"split cannot be {split!r}: {problem}",
            hint="for example (0.6, 0.2, 0.2)",
            key="split",
            allowed=None,
        )
