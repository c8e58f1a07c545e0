"""Ports that come and go while a board is flashed: followed by USB serial number, waited for, never guessed."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Callable

import pytest

from tinysine.boards import Board
from tinysine.errors import FlashError, PortUnavailable
from tinysine.flashing import FLASH_TOOLS, usb_port
from tinysine.flashing.upload_port import LOADER_S, WAIT_S, loader_port, port_after, touch, upload_port
from tinysine.image import Image
from tinysine.place import Wiring
from unit_tests.flashing.fake_tools import DISCO, NANO, Bench, Clock

APP, LOADER = (0x2341, 0x805A), (0x2341, 0x005A)
ADAPTER = ("/dev/ttyUSB0", 0x0403, 0x6001, "FT")


def app(port: str, serial: str = "A") -> tuple[str, int, int, str]:
    """A Nano whose application has USB."""
    return (port, *APP, serial)


def loader(port: str, serial: str = "A") -> tuple[str, int, int, str]:
    """A Nano in its boot loader."""
    return (port, *LOADER, serial)


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ports that were opened at 1200 baud."""
    ports: list[str] = []
    monkeypatch.setattr("tinysine.flashing.upload_port.touch", ports.append)
    return ports


def test_a_link_over_the_boards_own_usb_is_the_upload_port(plug, clock: Clock) -> None:
    """Two Nanos, and the one that is meant is at the link's port."""
    plug(app("/dev/ttyACM0", "A"), app("/dev/ttyACM1", "B"))
    assert upload_port(clock.target(NANO, "/dev/ttyACM1"), tool="t") == "/dev/ttyACM1"


def test_a_link_over_an_adapter_uploads_to_the_boards_usb(plug, clock: Clock) -> None:
    """Bare metal on the Nano speaks on two pins; its loader is the only Nano there is."""
    plug(ADAPTER, loader("/dev/ttyACM0"))
    assert upload_port(clock.target(NANO, ADAPTER[0]), tool="t") == "/dev/ttyACM0"
    assert clock.told == []


def test_the_bench_names_the_upload_port(plug, clock: Clock) -> None:
    """By its name, or by the board's USB serial number."""
    plug(ADAPTER, loader("/dev/ttyACM0", "A"), loader("/dev/ttyACM1", "B"))
    by_name = clock.target(NANO, ADAPTER[0], Wiring(upload_port="/dev/loader"))
    assert upload_port(by_name, tool="t") == "/dev/loader"
    by_serial = clock.target(NANO, ADAPTER[0], Wiring(usb_serial="B"))
    assert upload_port(by_serial, tool="t") == "/dev/ttyACM1"


def test_two_boards_and_none_named_flash_nothing(bench: Bench, plug, clock: Clock, image_for) -> None:
    """Both ports are listed, and no tool runs."""
    for tool in ("bossac", "arduino-cli"):
        bench.tool(tool)
        plug(ADAPTER, loader("/dev/ttyACM0", "A"), loader("/dev/ttyACM1", "B"))
        with pytest.raises(FlashError, match=r"2 ports could be .*ttyACM0.*ttyACM1.*nothing was flashed"):
            FLASH_TOOLS[tool].flash(image_for(NANO), clock.target(NANO, ADAPTER[0]))
    assert bench.calls == []


def test_a_person_is_told_to_start_the_loader_and_waited_for(plug, clock: Clock) -> None:
    """Firmware without USB has no port: only two presses of the button bring one."""
    plug(ADAPTER)
    clock.at(3, lambda: plug(ADAPTER, loader("/dev/ttyACM0")))
    assert upload_port(clock.target(NANO, ADAPTER[0]), tool="t") == "/dev/ttyACM0"
    assert 3 <= clock.now < 4
    (told,) = clock.told
    assert "press its reset button twice" in told


def test_a_loader_that_does_not_come_is_an_error(plug, clock: Clock) -> None:
    """The wait has an end."""
    plug(ADAPTER)
    with pytest.raises(FlashError, match=f"no port of nano33ble-sense appeared within {WAIT_S:.0f} s"):
        upload_port(clock.target(NANO, ADAPTER[0]), tool="t")
    assert clock.now == pytest.approx(WAIT_S, abs=1)


def test_the_touch_starts_the_loader_under_another_name(plug, clock: Clock, touched: list[str]) -> None:
    """The port vanishes and comes back with another USB id and another name; another Nano is not taken for it."""
    plug(app("/dev/ttyACM0", "A"), loader("/dev/ttyACM7", "B"))
    clock.at(1, lambda: plug(loader("/dev/ttyACM7", "B")))
    clock.at(2, lambda: plug(loader("/dev/ttyACM7", "B"), loader("/dev/ttyACM1", "A")))
    assert loader_port(clock.target(NANO, "/dev/ttyACM0"), "/dev/ttyACM0", tool="t") == "/dev/ttyACM1"
    assert touched == ["/dev/ttyACM0"]


def test_a_loader_that_runs_is_not_touched(plug, clock: Clock, touched: list[str]) -> None:
    """Opening its port at 1200 baud would confuse it."""
    plug(loader("/dev/ttyACM1"))
    assert loader_port(clock.target(NANO, "/dev/ttyACM1"), "/dev/ttyACM1", tool="t") == "/dev/ttyACM1"
    assert touched == []


@pytest.mark.usefixtures("touched")
def test_a_touch_without_effect_is_an_error(plug, clock: Clock) -> None:
    """Then only the button helps."""
    plug(app("/dev/ttyACM0"))
    with pytest.raises(FlashError, match=r"did not start its boot loader .*press the reset button twice"):
        loader_port(clock.target(NANO, "/dev/ttyACM0"), "/dev/ttyACM0", tool="t")
    assert clock.now == pytest.approx(LOADER_S, abs=1)


def test_the_touch_is_1200_baud() -> None:
    """Opened at that speed and closed; a port that is gone is no error, since vanishing is what is asked for."""
    far, near = pty.openpty()
    try:
        touch(os.ttyname(near))
        assert termios.tcgetattr(near)[4] == termios.B1200
    finally:
        os.close(far)
        os.close(near)
    touch("/dev/tty-that-is-not-there")


def test_bossac_goes_all_the_way(
    bench: Bench, plug, image_for: Callable[[Board], Image], clock: Clock, touched: list[str]
) -> None:
    """From an application with USB to an upload at the loader's new port."""
    bench.tool("bossac")
    plug(app("/dev/ttyACM0"))
    clock.at(1, lambda: plug(loader("/dev/ttyACM1")))
    FLASH_TOOLS["bossac"].flash(image_for(NANO), clock.target(NANO, "/dev/ttyACM0"))
    assert touched == ["/dev/ttyACM0"]
    assert "--port=ttyACM1" in bench.calls[0].arguments


def test_the_link_is_found_again_under_another_name(plug, clock: Clock) -> None:
    """After the upload the loader's port is listed for a moment, vanishes, and the application's comes."""
    plug(app("/dev/ttyACM0", "A"), app("/dev/ttyACM3", "B"))
    before = usb_port("/dev/ttyACM0")
    plug(app("/dev/ttyACM3", "B"), loader("/dev/ttyACM1", "A"))
    clock.at(0.3, lambda: plug(app("/dev/ttyACM3", "B")))
    clock.at(2, lambda: plug(app("/dev/ttyACM3", "B"), app("/dev/ttyACM2", "A")))
    assert port_after(before, clock.target(NANO, "/dev/ttyACM0")) == "/dev/ttyACM2"


def test_a_link_that_stays_is_found_soon(plug, clock: Clock) -> None:
    """An adapter does not notice that the board behind it was reset."""
    plug(ADAPTER, ("/dev/ttyUSB1", 0x0403, 0x6001, "OTHER"))
    assert port_after(usb_port(ADAPTER[0]), clock.target(NANO, ADAPTER[0])) == ADAPTER[0]
    assert clock.now < 1


def test_a_link_without_usb_keeps_its_name(plug, clock: Clock) -> None:
    """A network port or a built-in one does not wander."""
    plug()
    target = clock.target(NANO, "socket://bench:4000")
    assert port_after(usb_port("socket://bench:4000"), target) == "socket://bench:4000"


@pytest.mark.parametrize("serial", ["", "0001"])
def test_adapters_without_serial_numbers_of_their_own_are_told_apart_by_name(
    plug, clock: Clock, serial: str
) -> None:
    """There is nothing else, and such adapters do not wander; a single one may."""
    plug(("/dev/ttyUSB0", 0x1A86, 0x7523, serial), ("/dev/ttyUSB1", 0x1A86, 0x7523, serial))
    before = usb_port("/dev/ttyUSB1")
    assert port_after(before, clock.target(DISCO, "/dev/ttyUSB1")) == "/dev/ttyUSB1"
    plug(("/dev/ttyUSB5", 0x1A86, 0x7523, serial))
    assert port_after(before, clock.target(DISCO, "/dev/ttyUSB1")) == "/dev/ttyUSB5"


def test_a_board_that_does_not_come_back_is_a_bench_error(plug, clock: Clock) -> None:
    """Another board of its kind is not taken for it; what is there is listed."""
    plug(app("/dev/ttyACM0", "A"), app("/dev/ttyACM3", "B"))
    before = usb_port("/dev/ttyACM0")
    plug(app("/dev/ttyACM3", "B"))
    with pytest.raises(PortUnavailable, match=r"serial number A\) did not come back .*ttyACM3"):
        port_after(before, clock.target(NANO, "/dev/ttyACM0"))
