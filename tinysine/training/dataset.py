"""The data set: a sine wave, sampled, made noisy, and split in three."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.training.settings import TrainingSettings

FloatArray = NDArray[np.float32]

LAST_BEFORE_TWO_PI = np.nextafter(np.float32(2.0 * math.pi), np.float32(0.0))
"""The largest float32 below 2 pi: rounding a float64 sample to float32 may step over it."""


@dataclass(frozen=True)
class Samples:
    """Points of a curve.

    Attributes:
        x: float32 [n], radians.
        y: float32 [n].
    """

    x: FloatArray
    y: FloatArray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """Data of a training.

    Attributes:
        clean: all points on the sine itself, in random order.
        noisy: the same points with noise added to y; the three parts below are cut from it, in order.
        train: what the weights are fitted to.
        validation: what each epoch is judged on.
        test: kept unseen until the end.
    """

    clean: Samples
    noisy: Samples
    train: Samples
    validation: Samples
    test: Samples


def make_dataset(settings: TrainingSettings) -> Dataset:
    """Draw x uniformly from [0, 2 pi), shuffle, add noise to sin(x), and split.

    Args:
        settings: `samples`, `noise`, `split` and `seed` are used.
    Returns:
        Arrays that cannot be written to; the same for the same settings, whatever the network.
    """
    rng = np.random.default_rng(settings.seeds("data"))
    x = rng.uniform(0.0, 2.0 * math.pi, settings.samples).astype(np.float32)
    x = np.minimum(x, LAST_BEFORE_TWO_PI)
    rng.shuffle(x)
    exact = np.sin(x.astype(np.float64))
    noisy = exact + settings.noise * rng.standard_normal(settings.samples)
    clean = _samples(x, exact)
    everything = _samples(x, noisy)
    first, second, _ = settings.split_counts
    cuts = (slice(0, first), slice(first, first + second), slice(first + second, None))
    train, validation, test = (_samples(x[cut], everything.y[cut]) for cut in cuts)
    return Dataset(clean=clean, noisy=everything, train=train, validation=validation, test=test)


def _samples(x: FloatArray, y: NDArray[np.floating]) -> Samples:
    parts = [np.array(values, np.float32) for values in (x, y)]
    for part in parts:
        part.setflags(write=False)
    return Samples(*parts)
