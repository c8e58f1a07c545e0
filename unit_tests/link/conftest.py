"""Lends the fake device out."""

from collections.abc import Iterator

import pytest

from tinysine.link import Session
from tinysine.testing import FakeClock, FakeDevice, FakeLine
from tinysine.testing.fake_terminal import PtyDevice


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only waiting moves."""
    return FakeClock()


@pytest.fixture
def wire(clock: FakeClock) -> FakeLine:
    """A wire in memory to a fake device."""
    return FakeLine(FakeDevice(), clock)


@pytest.fixture
def session(wire: FakeLine, clock: FakeClock) -> Session:
    """A session on that wire."""
    return Session(wire, timeout_s=2.0, clock=clock)


@pytest.fixture
def pty_device() -> Iterator[PtyDevice]:
    """A fake device behind a pseudo-terminal."""
    device = PtyDevice()
    yield device
    device.close()
