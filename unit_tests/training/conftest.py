"""One short training for the tests of this folder.

A test that imports TensorFlow is marked `long`: the import alone takes ten seconds of processor time.
"""

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
