"""An image on an emulated core: where there is no such core it is left out, and what fails there is told."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.errors import BenchError
from tinysine.graph import read_network
from tinysine.image import Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.testing import FakeDevice, FakeRig
from tinysine.verify import witness


@pytest.fixture(scope="module")
def image() -> Image:
    """Of a board whose core is emulated."""
    return build_image(read_network(REFERENCE_MODEL), load_board("nano33ble-sense"))


@pytest.fixture
def device() -> Device:
    """One input and one output of a byte."""
    return FakeRig(FakeDevice()).connect("fake://1")


def stopped(*_: Any, **__: Any) -> Any:
    """Fail as an engine does that goes astray."""
    raise BenchError("ts_engine_invoke stopped at 0x0: violation")


def test_an_engine_that_goes_astray_on_the_core_is_told(
    image: Image, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the proof of the latency with it, and the look for stray writes."""
    assert witness.trace_inference(image, device, [b"\1"]) is not None
    monkeypatch.setattr(witness, "trace_call", stopped)
    with pytest.raises(BenchError, match="stopped at 0x0"):
        witness.trace_inference(image, device, [b"\1"])


def test_without_a_core_there_is_no_trace(
    image: Image, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is not installed; an engine that no function is left of cannot be called."""
    monkeypatch.setattr(witness, "read_symbols", lambda _elf: cast(Any, {}))
    assert witness.trace_inference(image, device, [b"\1"]) is None
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "unicorn", None)
    assert witness.trace_inference(image, device, [b"\1"]) is None
