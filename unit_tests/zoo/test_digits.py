"""The reader of handwritten digits: its data, its training, and what its pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.zoo.digits import CLASSES, load_digits


@pytest.mark.long
def test_the_parts_have_every_digit_and_share_none() -> None:
    """A quarter of each digit is put aside for the test; the same seed parts alike."""
    pytest.importorskip("sklearn")
    train, test = load_digits(seed=3)
    assert len(train.x) + len(test.x) == 1797
    assert train.x.shape[1:] == (8, 8, 1)
    assert (train.x.min(), train.x.max()) == (0.0, 1.0)
    for digit in range(CLASSES):
        mine, others = int((test.labels == digit).sum()), int((train.labels == digit).sum())
        assert abs(mine / (mine + others) - 0.25) < 0.01
    again, _ = load_digits(seed=3)
    np.testing.assert_array_equal(again.x, train.x)
