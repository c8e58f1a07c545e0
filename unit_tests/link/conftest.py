"""Makes the fake device importable and lends it out."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_device import FakeClock, FakeDevice, PtyDevice, Wire

from tinysine.link import Session


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only waiting moves."""
    return FakeClock()


@pytest.fixture
def wire(clock: FakeClock) -> Wire:
    """A wire in memory to a fake device."""
    return Wire(FakeDevice(), clock)


@pytest.fixture
def session(wire: Wire, clock: FakeClock) -> Session:
    """A session on that wire."""
    return Session(wire, timeout_s=2.0, clock=clock)


@pytest.fixture
def pty_device() -> Iterator[PtyDevice]:
    """A fake device behind a pseudo-terminal."""
    device = PtyDevice()
    yield device
    device.close()
