"""This repository's firmware on the emulated SparkFun Edge and STM32F746G-DISCO: it comes up, answers and blinks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.emulation import start_emulator
from tinysine.graph import Network
from tinysine.image import BuildOptions, Image, build_image
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding

CODES = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)
WAYS = [
    ("sparkfun-edge", "sbl"),
    ("sparkfun-edge-svl", "svl"),
    ("stm32f746g-disco", "itcm"),
    ("stm32f746g-disco", "axim"),
    ("stm32f746g-disco", "debugger"),
]


def _image(model: Network, board: str, toolchain: str = "auto") -> Image:
    return build_image(model, load_board(board), options=BuildOptions(toolchain=toolchain), strict=True)


@pytest.mark.parametrize(
    "toolchain",
    [
        pytest.param("gcc", marks=[pytest.mark.needs("arm-none-eabi-gcc"), pytest.mark.long]),
        "zig",
    ],
)
@pytest.mark.parametrize(
    ("board", "loader"),
    # Each board once; the ways that take longer by themselves are left for later.
    [
        pytest.param(*way, marks=pytest.mark.long) if way[1] in ("svl", "axim", "debugger") else way
        for way in WAYS
    ],
)
def test_firmware_comes_up_whatever_was_left(
    sine_model: Network, board: str, loader: str, toolchain: str
) -> None:
    """All 256 answers are right after each way into the application, after a reset, and after a reset by request."""
    image = _image(sine_model, board, toolchain)
    expected = integer_oracle(sine_model, Rounding.LITERT).run(CODES)
    with start_emulator(load_board(board), loader=loader, unique_id=bytes(range(8))) as emulator:
        emulator.flash(image.elf)
        for _ in range(2):
            with Device.connect(emulator.port) as device:
                device.require(image)
                assert np.array_equal(device.infer(CODES), expected)
                device.reset()
                assert np.array_equal(device.infer(CODES), expected)
                assert device.identity.unique_id == bytes(range(8)).hex()
                assert device.last_fault() is None
            emulator.reset()
        assert emulator.status()["loader"] == loader
        assert emulator.report() is None


@pytest.mark.parametrize(
    "board",
    [
        "nano33ble-sense",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("sparkfun-edge", "stm32f746g-disco")),
    ],
)
def test_an_inference_takes_as_many_instructions_on_every_board(sine_model: Network, board: str) -> None:
    """One engine, one compiler, one instruction set: the three twins count the same, and the same each time."""
    seen = set()
    for name in ("nano33ble-sense", board):
        with start_emulator(load_board(name)) as emulator:
            emulator.flash(_image(sine_model, name, "zig").elf)
            with Device.connect(emulator.port) as device:
                seen.update(device.time(np.array([17], dtype=np.int8), repetitions=10).net.tolist())
            assert emulator.status()["counting"] is False
    assert len(seen) == 1


@pytest.mark.parametrize("board", ["sparkfun-edge", pytest.param("stm32f746g-disco", marks=pytest.mark.long)])
@pytest.mark.long
def test_demo_sweeps_a_sine_on_a_free_clock(sine_model: Network, board: str) -> None:
    """With nobody talking the LED's brightness is a sine's, by a timer and by software alike, to one of 255 levels.

    It is watched for one sweep, which takes 4.1 s, after the 2 s in which the demo waits for a host.
    """
    with start_emulator(load_board(board), clock="free") as emulator:
        emulator.flash(_image(sine_model, board, "zig").elf)
        while emulator.status()["seconds"] < 6.7:
            assert emulator.report() is None
            time.sleep(0.02)
        trace = np.array([(at, duty) for at, duty in emulator.led_trace() if at > 2.5])
    levels = trace[:, 1] * 255
    assert len(trace) > 200
    assert levels.max() == 255
    assert levels.min() <= 1
    # A pulse that leaves or reaches full or dark may be shared with it; all others are whole levels.
    assert np.mean(np.abs(levels - np.round(levels)) < 1e-6) > 0.97
    seconds = np.diff(trace[:, 0], append=trace[-1, 0])
    assert np.sum(trace[:, 1] * seconds) / np.sum(seconds) == pytest.approx(0.5, abs=0.1)


def test_driver_leaves_the_debuggers_pins_alone(sine_model: Network) -> None:
    """PA13, PA14 and PB3 carry the debugger: nothing but the wire and the LED is configured."""
    with start_emulator(load_board("stm32f746g-disco")) as emulator:
        emulator.flash(_image(sine_model, "stm32f746g-disco", "zig").elf)
        with Device.connect(emulator.port):
            assert set(emulator.pins()) == {"PA9", "PB7", "PI1"}
