"""The firmware of this repository on the emulated board: whatever the boot loader left, it comes up and answers."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.emulation import start_emulator
from tinysine.graph import Network
from tinysine.image import Image, build_image
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding

NANO = load_board("nano33ble-sense")


@pytest.fixture(scope="module")
def image(sine_model: Network) -> Image:
    """The sine model for the Nano."""
    return build_image(sine_model, NANO)


@pytest.mark.parametrize(
    "loader", ["old", *(pytest.param(loader, marks=pytest.mark.long) for loader in ("new", "none"))]
)
def test_firmware_comes_up_whatever_the_loader_left(image: Image, sine_model: Network, loader: str) -> None:
    """All 256 answers are right after each of the three ways into the application, and after a reset."""
    codes = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)
    expected = integer_oracle(sine_model, Rounding.LITERT).run(codes)
    with start_emulator(NANO, loader=loader) as emulator:
        emulator.flash(image.elf)
        for _ in range(2):
            with Device.connect(emulator.port) as device:
                device.require(image)
                assert np.array_equal(device.infer(codes), expected)
            emulator.reset()
        assert emulator.report() is None


def test_driver_is_on_the_pins_of_the_board_file(image: Image) -> None:
    """The driver's settings of the chip's pins are those of the catalogue."""
    assert NANO.uart is not None
    assert NANO.led is not None
    with start_emulator(NANO) as emulator:
        emulator.flash(image.elf)
        with Device.connect(emulator.port):
            pins = emulator.pins()
    assert (pins[NANO.uart.tx]["function"], pins[NANO.uart.tx]["direction"]) == ("UART0.TXD", "output")
    assert (pins[NANO.uart.rx]["function"], pins[NANO.uart.rx]["direction"]) == ("UART0.RXD", "input")
    assert (pins[NANO.led.pin]["function"], pins[NANO.led.pin]["direction"]) == ("PWM0.OUT[0]", "output")


def test_counts_are_the_same_every_time(image: Image) -> None:
    """Ten measurements of one inference agree to the instruction, across resets and boards."""
    seen = set()
    for _ in range(2):
        with start_emulator(NANO) as emulator:
            emulator.flash(image.elf)
            with Device.connect(emulator.port) as device:
                timing = device.time(np.array([17], dtype=np.int8), repetitions=10)
                seen.update(timing.net.tolist())
            assert emulator.status()["counting"] is False
    assert len(seen) == 1


def test_demo_sweeps_a_sine_on_a_free_clock(image: Image) -> None:
    """With nobody talking, a sweep of four seconds passes at once, and the LED's brightness is a sine's."""
    with start_emulator(NANO, clock="free") as emulator:
        emulator.flash(image.elf)
        while emulator.status()["seconds"] < 6.7:
            time.sleep(0.01)
        trace = [(at, duty) for at, duty in emulator.led_trace() if at > 2.5]
    duties = [duty for _, duty in trace]
    assert len(trace) > 100
    assert max(duties) > 0.95
    assert min(duties) < 0.05
    assert math.isclose(sum(duties) / len(duties), 0.5, abs_tol=0.1)
