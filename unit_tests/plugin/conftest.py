"""A made-up board for the plugin's own tests: the plugin is what is under test here, not what it drives."""

from __future__ import annotations

import os
import textwrap

import pytest

# Runs within this process forget what they imported, and numpy refuses to be loaded twice.
import tinysine.device  # noqa: F401

FAKE_BOARD = """
from types import SimpleNamespace

import pytest

import tinysine.device
from tinysine.errors import IdentityMismatch, LinkTimeout
from tinysine.link import FaultRecord

BOARD = SimpleNamespace(dead=False, other=False, mended_by="", faults=0, kind="emulated", fresh=True, did=[])


class FakeDevice:
    identity = SimpleNamespace(unique_id=None, engine="fake")
    stats = SimpleNamespace(retries=0)

    def require(self, image):
        pass

    def identify(self):
        self.counters()
        if BOARD.other:
            raise IdentityMismatch("another build runs")

    def counters(self):
        if BOARD.dead:
            raise LinkTimeout("no answer to COUNTERS")

    def last_fault(self):
        self.counters()
        return FaultRecord(1, 7, 0x1234, 0, 0, 0, 0, 0, 0, BOARD.faults) if BOARD.faults else None

    def infer(self, x):
        self.counters()
        return x

    def close(self):
        pass


def connect(url, *, timeout_s, baud):
    BOARD.did.append("resync")
    if BOARD.dead:
        raise LinkTimeout("no handshake")
    return FakeDevice()


class FakeRig:
    port = "fake://"
    emulator = None
    can_restart = False
    kind = property(lambda self: BOARD.kind)
    fresh = property(lambda self: BOARD.fresh)

    def flash(self, image, **_why):
        BOARD.other = False
        self.rung("reflash")

    def reset(self):
        self.rung("reset")

    def report(self):
        return ""

    def rung(self, name):
        BOARD.did.append(name)
        if name == BOARD.mended_by:
            BOARD.dead = False


@pytest.fixture(scope="session", autouse=True)
def fake_link():
    tinysine.device.Device.connect, before = connect, tinysine.device.Device.connect
    yield
    tinysine.device.Device.connect = before


@pytest.fixture(scope="session")
def tinysine_image():
    return SimpleNamespace(board=SimpleNamespace(name="fake", baud=115200))


@pytest.fixture(scope="session")
def tinysine_rig(request, record_testsuite_property):
    from tinysine.pytest_plugin.keys import RECORD
    request.config.stash[RECORD] = record_testsuite_property
    return FakeRig()


@pytest.fixture
def board():
    return BOARD
"""


@pytest.fixture
def fake(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test folder with a made-up board behind the plugin's fixtures, and nobody's settings around it."""
    for name in os.environ:
        if name.startswith(("TINYSINE_", "PYTEST_")) and name != "PYTEST_DISABLE_PLUGIN_AUTOLOAD":
            monkeypatch.delenv(name)
    pytester.makeconftest(textwrap.dedent(FAKE_BOARD))
    return pytester
