"""The data set: range, noise, order and parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.training import TrainingSettings, make_dataset
from tinysine.training.dataset import LAST_BEFORE_TWO_PI


@given(seed=st.integers(0, 2**63 - 1), samples=st.integers(10, 400))
def test_samples_lie_on_the_sine_within_one_turn(seed: int, samples: int) -> None:
    """Every x is in [0, 2 pi), every clean y is its sine, and the noisy points have the same x."""
    dataset = make_dataset(TrainingSettings(seed=seed, samples=samples))
    assert len(dataset.clean) == samples
    assert dataset.clean.x.min() >= 0.0
    assert float(dataset.clean.x.max()) < 2.0 * math.pi
    np.testing.assert_array_equal(
        dataset.clean.y, np.sin(dataset.clean.x.astype(np.float64)).astype(np.float32)
    )
    np.testing.assert_array_equal(dataset.clean.x, dataset.noisy.x)


@given(seed=st.integers(0, 1000))
def test_parts_are_the_noisy_samples_in_order(seed: int) -> None:
    """Training, validation and test, laid end to end, are all the noisy samples, none twice."""
    dataset = make_dataset(TrainingSettings(seed=seed, samples=50))
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part) for part in parts] == [30, 10, 10]
    np.testing.assert_array_equal(np.concatenate([part.x for part in parts]), dataset.noisy.x)
    np.testing.assert_array_equal(np.concatenate([part.y for part in parts]), dataset.noisy.y)


def test_arrays_are_float32_and_cannot_be_written() -> None:
    """The data that later steps rely on cannot be changed by accident."""
    dataset = make_dataset(TrainingSettings())
    for part in (dataset.clean, dataset.noisy, dataset.train, dataset.validation, dataset.test):
        for values in (part.x, part.y):
            assert values.dtype == np.float32
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 0.0


def test_noise_is_normal_with_the_asked_deviation() -> None:
    """The noise has mean 0 and the given standard deviation, and none at all where 0 is asked for."""
    dataset = make_dataset(TrainingSettings(samples=100_000, noise=0.25))
    noise = dataset.noisy.y.astype(np.float64) - dataset.clean.y
    assert abs(noise.mean()) < 5 * 0.25 / math.sqrt(100_000)
    assert noise.std() == pytest.approx(0.25, rel=0.02)
    assert np.mean(np.abs(noise) < 0.25) == pytest.approx(0.6827, abs=0.01)
    silent = make_dataset(TrainingSettings(noise=0.0))
    np.testing.assert_array_equal(silent.noisy.y, silent.clean.y)


def test_samples_are_uniform_and_shuffled() -> None:
    """Each eighth of the turn gets its share, and the order says nothing about x."""
    x = make_dataset(TrainingSettings(samples=80_000)).clean.x
    shares, _ = np.histogram(x, bins=8, range=(0.0, 2.0 * math.pi))
    assert np.abs(shares - 10_000).max() < 500
    assert abs(np.corrcoef(np.arange(len(x)), x)[0, 1]) < 0.02


def test_seed_decides_everything_and_the_network_nothing() -> None:
    """Same seed, same data, whatever the network; another seed, other data."""
    first = make_dataset(TrainingSettings(seed=5))
    again = make_dataset(TrainingSettings(seed=5, network="model_1", epochs=1))
    other = make_dataset(TrainingSettings(seed=6))
    np.testing.assert_array_equal(first.noisy.y, again.noisy.y)
    assert not np.array_equal(first.noisy.y, other.noisy.y)


def test_last_before_two_pi_is_the_neighbour() -> None:
    """The largest allowed x is the last float32 below 2 pi: one step further is beyond."""
    assert float(LAST_BEFORE_TWO_PI) < 2.0 * math.pi < float(np.nextafter(LAST_BEFORE_TWO_PI, np.float32(9)))
