"""The fakes that ship: they are what they stand for."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tinysine.boards import load_board
from tinysine.errors import BenchError, FlashError, IdentityMismatch, LinkTimeout, PortUnavailable
from tinysine.graph import read_network
from tinysine.link import Request
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.testing import FLOAT32, INT8, FakeDevice, FakeRig
from tinysine.verify.witness import Sight, look

MODEL = read_network(REFERENCE_MODEL)
NANO = load_board("nano33ble-sense")


# What a rig and a device look at of an image.
IMAGE: Any = SimpleNamespace(
    board=NANO,
    model_sha256=MODEL.sha256,
    build_id=bytes(range(16)),
    rounding=Rounding.TFLM,
    sha256="ab" * 32,
)


def test_a_device_of_a_model_answers_as_the_model_and_says_so() -> None:
    """Identity, quantization and answers are the model's; after flashing they are the image's, too."""
    oracle = integer_oracle(MODEL, Rounding.TFLM)
    rig = FakeRig(FakeDevice.of_model(MODEL, oracle.run))
    with pytest.raises(IdentityMismatch):
        rig.connect(rig.port).require(IMAGE)
    rig.flash(IMAGE)
    device = rig.connect(rig.port)
    device.require(IMAGE)
    assert device.identity.inputs[0].quantization == MODEL.input.quantization
    assert device.identity.outputs[0].quantization == MODEL.output.quantization
    codes = np.arange(-128, 128, dtype=np.int8)[:, None]
    np.testing.assert_array_equal(device.infer(codes), oracle.run(codes))
    assert rig.did == ["connect", "flash", "connect"]


def test_a_fake_twin_tells_what_was_flashed_and_sees_nothing_else() -> None:
    """A verification looks at the twin of any rig; hardware has none."""
    rig = FakeRig()
    nothing = Sight(image_sha256=None, resets=None, faults=None, inferences=None, stack_bytes=None)
    assert look(rig) == nothing
    rig.flash(IMAGE)
    assert look(rig) == dataclasses.replace(nothing, image_sha256=IMAGE.sha256)
    assert FakeRig(kind="qemu").instruction_hz("ticks", 64_000_000) is None
    assert look(FakeRig(kind="hardware")) is None


def test_ends_of_two_dtypes() -> None:
    """float32 in, int8 out."""
    device = FakeRig(FakeDevice(inputs=2, dtype=FLOAT32, output_dtype=INT8)).connect("fake://1")
    assert (device.identity.inputs[0].dtype, device.identity.outputs[0].dtype) == (np.float32, np.int8)
    assert device.infer(np.array([[1.0, 2.0]], np.float32)).tolist() == [[16]]


@pytest.mark.parametrize("rung", ["reset", "flash", "power cycle", "restart"])
def test_a_dead_board_is_mended_by_what_the_test_says(rung: str) -> None:
    """Each thing that is done to a board is noted, and the one that helps brings it back."""
    rig = FakeRig(can_restart=True)
    rig.device.run_image(IMAGE)
    rig.kill()
    rig.mended_by = rung
    with pytest.raises(LinkTimeout):
        rig.connect(rig.port)
    if rung == "flash":
        rig.flash(IMAGE)
    else:
        getattr(rig, rung.replace(" ", "_"))()
    assert rig.connect(rig.port).infer(np.zeros((1, 1), np.int8)).shape == (1, 1)
    assert rung in rig.did


def test_a_rig_fails_as_the_test_says() -> None:
    """Flashing, the emulator's word and the port can each go wrong; a twin that was replaced has another port."""
    rig = FakeRig(can_restart=True)
    rig.flash_error = FlashError("the tool says no", tool="fake")
    with pytest.raises(FlashError, match="says no"):
        rig.flash(IMAGE)
    rig.said = "access outside the memory map"
    assert rig.report() == "access outside the memory map"
    rig.said = BenchError("gone")
    with pytest.raises(BenchError, match="gone"):
        rig.report()
    rig.restart()
    assert rig.port == "fake://2"
    with pytest.raises(PortUnavailable):
        rig.connect("fake://1", timeout_s=0.1)
    rig.connect(rig.port)
    rig.line.gone = True
    with pytest.raises(PortUnavailable, match="vanished"):
        rig.connect(rig.port, timeout_s=0.1)


def test_a_device_notes_what_it_is_asked() -> None:
    """Requests come with their numbers before they are answered; silence can be for one kind alone."""
    rig = FakeRig()
    device = rig.connect(rig.port)
    asked: list[int] = []
    rig.device.on_request = asked.append
    rig.device.counts = (5, 100, 101)
    assert device.time(np.zeros(1, np.int8), repetitions=3).counts.tolist() == [100, 100, 101]
    assert set(asked) == {Request.TIME}
    rig.device.silent = {Request.MEMORY}
    device.counters()
    with pytest.raises(LinkTimeout):
        device.memory()
