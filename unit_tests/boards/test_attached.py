"""Boards found by their USB descriptors."""

from __future__ import annotations

import grp
from types import SimpleNamespace

import pytest
from msgspec import structs

from tinysine.boards import AttachedBoard, attached_boards, join_serial_group, load_board, serial_group

NANO = load_board("nano33ble-usb")


def port(device: str, vid: int | None, pid: int | None, serial: str | None = "A1") -> SimpleNamespace:
    """A port as pyserial lists it."""
    return SimpleNamespace(device=device, vid=vid, pid=pid, serial_number=serial, description="a port")


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch):
    """Lets a test say which ports the computer has."""

    def plug(*ports: SimpleNamespace) -> None:
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(ports))

    return plug


@pytest.mark.parametrize(("vid", "pid"), NANO.usb_ids)
def test_every_usb_id_of_a_board_finds_it(plug, vid: int, pid: int) -> None:
    """The application's id and the boot loader's both mean the same board."""
    plug(port("/dev/ttyACM0", vid, pid))
    assert attached_boards() == (AttachedBoard(NANO.name, "/dev/ttyACM0", vid, pid, "A1", "a port"),)


def test_a_foreign_usb_port_is_listed_without_a_board(plug) -> None:
    """An adapter that no board of the catalogue has is shown, unnamed; a missing serial number is empty."""
    plug(port("/dev/ttyUSB0", 0x1234, 0x5678, None))
    (found,) = attached_boards()
    assert found.board is None
    assert not found.serial_number


def test_a_port_without_usb_is_left_out(plug) -> None:
    """A built-in serial port is nobody's board."""
    plug(port("/dev/ttyS0", None, None))
    assert attached_boards() == ()


def test_ports_come_in_order(plug) -> None:
    """Two boards of a kind are told apart by port and serial number."""
    plug(port("/dev/ttyACM1", 0x2341, 0x805A, "B"), port("/dev/ttyACM0", 0x2341, 0x805A, "A"))
    assert [(found.port, found.serial_number) for found in attached_boards()] == [
        ("/dev/ttyACM0", "A"),
        ("/dev/ttyACM1", "B"),
    ]


def test_an_id_that_two_boards_share_names_neither(plug) -> None:
    """A guess between two boards would flash the wrong one."""
    plug(port("/dev/ttyACM0", 0x2341, 0x805A))
    twin = structs.replace(NANO, name="twin")
    (found,) = attached_boards(boards=[NANO, twin])
    assert found.board is None


@pytest.mark.parametrize(
    ("known", "group"),
    [(["users", "dialout"], "dialout"), (["uucp", "users"], "uucp"), (["users"], "dialout")],
    ids=["Debian", "Arch", "neither"],
)
def test_the_group_of_serial_ports_is_the_one_that_there_is(
    monkeypatch: pytest.MonkeyPatch, known: list[str], group: str
) -> None:
    """Its name is each system's own; the advice names it, and the user."""
    groups = [grp.struct_group((name, "x", 1, [])) for name in known]
    monkeypatch.setattr(grp, "getgrall", lambda: groups)
    assert serial_group() == group
    monkeypatch.setenv("USER", "ada")
    assert join_serial_group() == f"sudo usermod -aG {group} ada, then log in again"
    monkeypatch.delenv("USER")
    assert join_serial_group() == f"sudo usermod -aG {group} $USER, then log in again"
