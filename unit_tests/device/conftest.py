"""Lends out a clock."""

import pytest

from tinysine.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only waiting moves."""
    return FakeClock()
