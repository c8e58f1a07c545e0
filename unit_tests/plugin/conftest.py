"""A made-up board for the plugin's own tests: the plugin is what is under test here, not what it drives."""

from __future__ import annotations

import contextlib
import importlib
import os
import textwrap
from collections.abc import Callable

import pytest

# Runs within this process forget what they imported, and numpy refuses to be loaded twice.
import tinysine.testing  # noqa: F401

REFUSE_A_SECOND_TIME = ("ai_edge_litert.interpreter", "tflite_micro")

FAKE_BOARD = """
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.quantization import Rounding
from tinysine.testing import FakeDevice, FakeRig

IMAGE = SimpleNamespace(
    board=structs.replace(load_board("nano33ble-sense"), name="fake"),
    model_sha256="ab" * 32,
    sha256="cd" * 32,
    build_id=bytes(range(16)),
    rounding=Rounding.LITERT,
)
RIG = FakeRig(FakeDevice(answer=lambda codes: codes), board=IMAGE.board)
RIG.device.run_image(IMAGE)


def another_build():
    RIG.device.build_id = bytes(16)


@pytest.fixture(scope="session", autouse=True)
def fake_link():
    Device.connect, before = RIG.connect, Device.connect
    yield
    Device.connect = before


@pytest.fixture(scope="session")
def tinysine_image():
    return IMAGE


@pytest.fixture(scope="session")
def tinysine_rig(request, record_testsuite_property):
    from tinysine.pytest_plugin.keys import RECORD
    request.config.stash[RECORD] = record_testsuite_property
    return RIG


@pytest.fixture
def echo(tinysine_device):
    return lambda n: int(tinysine_device.infer(np.array([[n]], np.int8))[0, 0])


@pytest.fixture
def board():
    return RIG
"""


@pytest.fixture(scope="session", autouse=True)
def _loaded_before_all_runs() -> None:
    """Load what else can be loaded once only, so that no run within this process is the first one to do so."""
    for name in REFUSE_A_SECOND_TIME:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


@pytest.fixture
def fake(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test folder with a made-up board behind the plugin's fixtures, and nobody's settings around it."""
    for name in os.environ:
        if name.startswith(("TINYSINE_", "PYTEST_")) and name != "PYTEST_DISABLE_PLUGIN_AUTOLOAD":
            monkeypatch.delenv(name)
    pytester.makeconftest(textwrap.dedent(FAKE_BOARD))
    return pytester


@pytest.fixture
def with_worker(fake: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run the made-up tests by a worker of xdist, in processes that load no plugins but the two that take part."""

    def run(*options: str) -> pytest.RunResult:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return fake.runpytest_subprocess("-p", "tinysine.pytest_plugin", "-p", "xdist", "-n1", *options)

    return run
