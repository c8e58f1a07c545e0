"""The link against the real firmware, built for this computer, behind a wire with a weather of its own."""

import contextlib
import os
import random
import select
import subprocess
import tty
from collections.abc import Iterator
from importlib import resources

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.errors import LinkTimeout
from tinysine.graph import parse_network
from tinysine.image import Image, build_image
from tinysine.link import Session

CODES = np.arange(-128, 128, dtype=np.int8)[:, None]


class FirmwarePort:
    """The firmware as a child on a pseudo-terminal; as tinysine.link.Port, with mishaps drawn by chance."""

    name = "firmware"

    def __init__(self, image: Image) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.child = subprocess.Popen([str(image.elf)], stdin=slave, stdout=slave)
        os.close(slave)
        self.chance = random.Random(0)
        self.rate = 0.0

    def write(self, data: bytes, _timeout_s: float) -> int:
        """As tinysine.link.Port."""
        os.write(self.master, self._spoil(data))
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        """As tinysine.link.Port."""
        if not select.select([self.master], [], [], max(timeout_s, 0.0))[0]:
            return b""
        return self._spoil(os.read(self.master, 4096))

    def close(self) -> None:
        """As tinysine.link.Port; the firmware stays, for the next session."""

    def end(self) -> None:
        """Stop the firmware."""
        self.child.kill()
        self.child.wait()
        os.close(self.master)

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            luck = self.chance.random()
            if luck > self.rate:
                out.append(byte)
            elif luck > 0.6 * self.rate:
                out.append(byte ^ (1 << self.chance.randrange(8)))
            elif luck > 0.4 * self.rate:
                out += bytes([byte, byte])
            elif luck > 0.2 * self.rate:
                out += bytes([self.chance.randrange(256), byte])
        return bytes(out)


@pytest.fixture(scope="module")
def firmware() -> Iterator[FirmwarePort]:
    """The reference model's firmware, running."""
    data = resources.files("tinysine.model").joinpath("reference/sine_int8.tflite").read_bytes()
    port = FirmwarePort(build_image(parse_network(data, file="sine_int8.tflite"), load_board("host")))
    yield port
    port.end()


@pytest.mark.long
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.sampled_from([0.0005, 0.002, 0.01, 0.1]), seed=st.integers(0, 2**32))
def test_firmware_and_link_agree_or_say_so_on_a_bad_wire(
    firmware: FirmwarePort, rate: float, seed: int
) -> None:
    """Flipped, lost, doubled and invented bytes, both ways, never change an answer and leave no trace.

    A few, on the real clock, through a real process; trust/link_faults has 100,000 on a simulated one.
    """
    firmware.rate = 0.0
    with Device.connect("firmware", opener=lambda: Session(firmware), request_timeout_s=10.0) as device:
        right = device.infer(CODES)
        device.timeout_s = 0.04
        firmware.chance, firmware.rate = random.Random(seed), rate
        for _ in range(3):
            answer = None
            with contextlib.suppress(LinkTimeout):
                answer = device.infer(CODES)
            if answer is not None:
                np.testing.assert_array_equal(answer, right)
        firmware.rate, device.timeout_s = 0.0, 10.0
        device.resync()
        np.testing.assert_array_equal(device.infer(CODES), right)
        assert device.last_fault() is None


def test_firmware_answers_every_question(firmware: FirmwarePort) -> None:
    """On a good wire each request is answered at the first asking."""
    firmware.rate = 0.0
    with Device.connect("firmware", opener=lambda: Session(firmware), request_timeout_s=10.0) as device:
        assert device.identity.board == "host"
        assert device.infer_f32(np.zeros((2, 1), np.float32)).shape == (2, 1)
        assert (device.time(CODES[0], repetitions=100).counts > 0).all()
        memory = device.memory()
        assert memory.arena_used_bytes <= memory.arena_planned_bytes
        assert 0 < memory.stack_used_bytes <= memory.stack_reserved_bytes
        assert device.demo(False) in (True, False)
        assert "1.5708" in device.text("1.5708")
        lines = device.counters().text_lines
        assert device.reset().board == "host"
        assert device.counters().text_lines == 0 < lines
        assert device.stats.retries == 0
