"""A device that was lost connects anew by itself, and proves who it is before it answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinysine.device import Device
from tinysine.errors import IdentityMismatch, PortUnavailable
from tinysine.link import Request, Session
from tinysine.testing import FakeClock, FakeDevice, FakeLine
from tinysine.testing.fake_device import BUILD_ID
from unit_tests.device.fake_image import image

ONE = np.ones((1, 1), np.int8)


class Bench:
    """A fake device at a port that can vanish, or come back under another name."""

    def __init__(self, **options: Any) -> None:
        self.clock, self.fake = FakeClock(), FakeDevice()
        self.port, self.epoch = "one", 0
        self.opened: list[str] = []
        self.line = FakeLine(self.fake, self.clock)
        self.device = Device.connect(
            lambda: self.port,
            opener=self.open,
            epoch=lambda: self.epoch,
            clock=self.clock,
            pause=self.clock.pause,
            **options,
        )

    def open(self) -> Session:
        """Open whatever the port is called now."""
        self.opened.append(self.port)
        self.line = FakeLine(self.fake, self.clock)
        self.line.name = self.port
        return Session(self.line, clock=self.clock)

    @property
    def inferred(self) -> bool:
        """Tell whether the device was asked for an inference."""
        return any(frame[5] == Request.INFER for frame in self.fake.frames)

    def pull(self) -> None:
        """Let the port vanish under the next request, which fails."""
        self.line.gone = True
        with pytest.raises(PortUnavailable):
            self.device.counters()


def test_a_vanished_port_fails_one_request() -> None:
    """The failed request is not repeated; the next one uses a new session, and the trouble is recorded."""
    bench = Bench()
    bench.pull()
    assert bench.device.lost is not None
    assert bench.device.infer(ONE)[0, 0] == 10
    assert bench.opened == ["one", "one"]
    assert bench.device.lost is None
    assert [trouble.partition(":")[0] for trouble in bench.device.rescues] == ["PortUnavailable"]
    assert bench.device.stats.requests >= 3, "both sessions count"


def test_a_device_that_comes_back_as_another_answers_nothing() -> None:
    """Nobody asked for a certain build: it has to be what it was, however often it is asked."""
    bench = Bench()
    bench.pull()
    bench.fake.build_id = bytes(16)
    for _ in range(2):
        with pytest.raises(IdentityMismatch, match="came back with build_id 0000") as caught:
            bench.device.infer(ONE)
        assert caught.value.facts["expected"] == BUILD_ID.hex()
    assert not bench.inferred
    bench.fake.build_id = BUILD_ID
    assert bench.device.infer(ONE)[0, 0] == 10


def test_a_required_build_is_proved_before_the_next_answer() -> None:
    """Each new session must prove the build that `require` demanded; another chip with that build is accepted."""
    bench = Bench()
    bench.device.require(image())
    bench.pull()
    bench.fake.build_id = bytes(16)
    with pytest.raises(IdentityMismatch, match="reports build_id 0000"):
        bench.device.infer(ONE)
    assert not bench.inferred
    bench.fake.build_id, bench.fake.unique_id = BUILD_ID, bytes(range(8))
    assert bench.device.infer(ONE)[0, 0] == 10
    assert bench.device.identity.unique_id == bytes(range(8)).hex()


def test_another_chip_than_the_route_leads_to_is_refused() -> None:
    """Whoever made the connection settles that, again and again."""
    seen: list[str | None] = []

    def recognise(identity: Any) -> None:
        seen.append(identity.unique_id)
        if identity.unique_id != seen[0]:
            raise IdentityMismatch("another chip", field="unique_id")

    bench = Bench(recognise=recognise)
    bench.device.require(image())
    bench.pull()
    bench.fake.unique_id = bytes(range(8))
    with pytest.raises(IdentityMismatch, match="another chip"):
        bench.device.infer(ONE)
    assert not bench.inferred


def test_a_port_of_another_name_is_followed() -> None:
    """Hardware that comes back elsewhere, or another twin: no request is lost, for nothing was under way."""
    bench = Bench()
    old, bench.port = bench.line, "two"
    assert bench.device.infer(ONE)[0, 0] == 10
    assert bench.opened == ["one", "two"]
    assert old.closed
    assert bench.device.rescues == ()


def test_a_board_that_was_flashed_proves_itself_first() -> None:
    """The session is kept where the port is, and the first thing that the device is asked is who it is."""
    bench = Bench()
    bench.device.require(image())
    bench.epoch += 1
    bench.fake.build_id = bytes(16)
    with pytest.raises(IdentityMismatch):
        bench.device.infer(ONE)
    assert not bench.inferred


def test_a_released_port_is_free_until_the_next_request() -> None:
    """A flash tool may need it."""
    bench = Bench()
    bench.device.release()
    assert bench.line.closed
    assert bench.opened == ["one"]
    assert bench.device.infer(ONE)[0, 0] == 10
    assert bench.opened == ["one", "one"]


def test_a_closed_device_stays_closed() -> None:
    """A device that was closed gives an error, not a new connection."""
    bench = Bench()
    with bench.device:
        pass
    for _ in range(2):
        with pytest.raises(PortUnavailable):
            bench.device.infer(ONE)
    assert bench.opened == ["one"]


def test_two_handles_share_one_connection_and_nothing_else() -> None:
    """Methods that are put in place of one's do not change the other; a new session serves both."""
    bench = Bench()
    used: list[str] = []
    other = bench.device.another(on_use=lambda: used.append("other"))
    other.identify = lambda: "patched"  # type: ignore[assignment, return-value, method-assign]
    other.timeout_s = 0.5
    assert bench.device.identify().board == "host"
    assert bench.device.timeout_s > 0.5
    assert used == []
    bench.pull()
    assert other.infer(ONE)[0, 0] == 10
    assert used
    assert bench.device.infer(ONE)[0, 0] == 10
    assert bench.opened == ["one", "one"]
