"""The made-up bench in place of compiler, rig and device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tinysine.boards import Board, load_board
from tinysine.graph import read_network
from tinysine.image import Image
from tinysine.model import REFERENCE_MODEL
from tinysine.place import NewTwin, Place
from tinysine.rigs import rig as rig_module
from tinysine.verify import builds
from tinysine.verify import conduct as conduct_module
from unit_tests.verify.made_up_bench import Bench, FakeDevice, FakeRig


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A made-up bench in place of compiler, rig and device."""
    made = Bench(read_network(REFERENCE_MODEL), load_board("nano33ble-sense"))

    def build_image(*_arguments: Any, **_options: Any) -> Image:
        made.event("build")
        return made.image()

    def open_rig(_board: Board, place: Place, **_options: float) -> FakeRig:
        made.event("open")
        return FakeRig(made, fresh=isinstance(place, NewTwin))

    # The image is a name only: no function of its engine can be called on an emulated core.
    monkeypatch.setattr("tinysine.verify.witness.read_symbols", lambda _elf: {})
    monkeypatch.setattr(FakeDevice, "bench", made, raising=False)
    monkeypatch.setattr(builds, "build_firmware", build_image)
    monkeypatch.setattr(conduct_module, "open_rig", open_rig)
    monkeypatch.setattr(rig_module, "Device", FakeDevice)
    yield made
    if "open" in made.log and "open" not in made.during:
        assert made.log.count("close rig") == 1, "the rig was not closed exactly once"
    assert made.log.count("close device") == made.log.count("connect") - made.unconnected
