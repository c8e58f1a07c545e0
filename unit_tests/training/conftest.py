"""One short training for the tests of this folder: TensorFlow takes seconds to make ready for a network."""

from __future__ import annotations

import pytest

from tinysine.training import Trained, TrainingSettings, train

Seen = list[tuple[int, int, float, float]]

BRIEF = TrainingSettings(seed=1, epochs=4)


@pytest.fixture(scope="session")
def watched() -> tuple[Trained, Seen]:
    """A training of four epochs, and what its observer was told."""
    seen: Seen = []
    return train(BRIEF, on_epoch=lambda *told: seen.append(told)), seen


@pytest.fixture(scope="session")
def trained(watched: tuple[Trained, Seen]) -> Trained:
    """A network that has had four epochs."""
    return watched[0]
