"""Figures without a verdict over answers: recorded as `verify` records them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from msgspec import structs

from tinysine.boards import load_board
from tinysine.evidence import document_of
from tinysine.history import run_of
from tinysine.image import Image
from tinysine.quantization import Rounding
from tinysine.testing import FakeDevice, FakeRig
from tinysine.verify import measure_figures

IMAGE: Any = SimpleNamespace(
    board=structs.replace(load_board("nano33ble-sense"), name="fake"),
    model_sha256="ab" * 32,
    sha256="cd" * 32,
    build_id=bytes(range(16)),
    rounding=Rounding.LITERT,
    engine="fake",
    optimize="speed",
    prune=False,
    is_generated=False,
    toolchain=SimpleNamespace(name="cc", version="1"),
)


def test_a_link_that_repeats_requests_makes_the_figures_flaky() -> None:
    """Link, device and proof are in the record; a counter that stands still is what is wrong with it."""
    rig = FakeRig(FakeDevice(answer=lambda codes: codes), board=IMAGE.board)
    rig.device.run_image(IMAGE)
    rig.device.counts, rig.device.memory = (10, 10), (32, 24, 2048, 3000, 700, 0xFFFFFFFF)
    with rig.connect(rig.port) as device:
        device.session.count_repetition()
        inputs = np.zeros((3, 1), np.int8)
        evidence = measure_figures(
            device, cast(Any, rig), inputs, image=cast(Image, IMAGE), model_file="m", data=None, seed=0
        )
    told = evidence.provenance
    assert (evidence.verdict, told.flaky, told.prune) == ("fail", True, None)
    assert told.device is not None
    assert set(evidence.stages_s) == {"latency", "memory"}
    assert "the counter does not count" in evidence.findings[0].reason
    run = run_of(document_of(evidence), command="pytest", place="lab-1")
    assert (run.place, run.flaky, run.image_sha256) == ("lab-1", True, IMAGE.sha256)
