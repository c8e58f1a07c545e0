"""The driver is on the pins that the board's file names. Twins show what was written to them."""

from __future__ import annotations

import pytest

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.rigs import Rig

pytestmark = pytest.mark.emulated

Pins = dict[str, dict[str, object]]


@pytest.fixture
def pins(tinysine_device: Device, tinysine_rig: Rig, tinysine_board: Board) -> Pins:
    """Return the firmware's settings of the chip's pins."""
    if tinysine_board.uart is None or tinysine_board.led is None:
        pytest.skip(f"the pins of {tinysine_board.title} are not known")
    if tinysine_rig.kind != "emulated" or tinysine_rig.emulator is None:
        pytest.skip(f"{tinysine_rig.kind} does not show its pins")
    tinysine_device.counters()  # it runs
    pins: Pins = tinysine_rig.emulator.pins()
    return pins


def test_serial_line_is_on_the_pins_of_the_board_file(pins: Pins, tinysine_board: Board) -> None:
    """TX drives, RX listens, and both belong to a UART."""
    assert tinysine_board.uart is not None
    for pin, signal, direction in (
        (tinysine_board.uart.tx, "TX", "output"),
        (tinysine_board.uart.rx, "RX", "input"),
    ):
        function = str(pins[pin]["function"])
        assert "UART" in function or "USART" in function
        assert signal in function
        assert pins[pin]["direction"] == direction


def test_led_is_on_the_pin_of_the_board_file(pins: Pins, tinysine_board: Board) -> None:
    """The LED's pin drives."""
    assert tinysine_board.led is not None
    assert pins[tinysine_board.led.pin]["direction"] == "output"


def test_no_other_pin_is_driven(pins: Pins, tinysine_board: Board) -> None:
    """Whatever else is connected to the board is left alone: no second pin is made an output."""
    assert tinysine_board.uart is not None
    assert tinysine_board.led is not None
    driven = {pin for pin, state in pins.items() if state["direction"] == "output"}
    assert driven == {tinysine_board.uart.tx, tinysine_board.led.pin}
