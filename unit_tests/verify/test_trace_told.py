"""An image on an emulated core: where there is no such core it is left out, and what fails there is told."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, cast

import msgspec
import pytest

from tinysine.boards import load_board
from tinysine.boards.board import Memory
from tinysine.device import Device
from tinysine.errors import BenchError
from tinysine.graph import read_network
from tinysine.image import Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.profiling import trace, trace_call
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


def with_ram(image: Image, length: int) -> Image:
    """Say that the image's board has less RAM."""
    assert image.board.ram is not None
    ram = Memory(image.board.ram.origin, length)
    return dataclasses.replace(image, board=msgspec.structs.replace(image.board, ram=ram))


def test_an_image_that_fills_the_ram_is_traced_on_its_own_stack(image: Image) -> None:
    """A stack anywhere else would meet variables, or leave the RAM."""
    full = with_ram(image, image.stack_bytes + image.sizes.static_ram_bytes)
    found, roomy = (trace_call(each, inputs=(b"\1",), output_bytes=(1,)) for each in (full, image))
    assert (found.outputs, found.stack_bytes) == (roomy.outputs, roomy.stack_bytes)
    assert 0 < found.stack_bytes <= image.stack_bytes


def test_without_a_stack_of_its_own_an_image_is_traced_beside_its_variables(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it is said in one line that there is no room beside them."""
    wanted = trace_call(image, inputs=(b"\1",), output_bytes=(1,))
    monkeypatch.setattr(trace, "STACK_TOP", "not there")
    found = trace_call(image, inputs=(b"\1",), output_bytes=(1,))
    assert (found.outputs, found.stack_bytes) == (wanted.outputs, wanted.stack_bytes)
    small = with_ram(image, trace.PAGE + image.stack_bytes + image.sizes.static_ram_bytes)
    with pytest.raises(
        BenchError, match=r"variables end at 0x2000\w+, and the stack of a trace, of 1,024 bytes"
    ):
        trace_call(small, inputs=(b"\1",), output_bytes=(1,))
