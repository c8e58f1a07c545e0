"""Boards on this computer's USB ports, as far as their USB descriptors tell."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tinysine.boards.board import Board
from tinysine.boards.catalogue_folders import list_boards

SERIAL_GROUPS = ("dialout", "uucp")  # Debian, Fedora and their kin; Arch


@dataclass(frozen=True)
class AttachedBoard:
    """A serial port and whose it looks like. Only the device's own identity proves what runs on it.

    Attributes:
        board: catalogue name; None when no board of the catalogue, or more than one, has its USB ids.
        port: name for pyserial, such as "/dev/ttyACM0" or "COM4".
        vendor_id, product_id: USB ids.
        serial_number: of the USB device, "" where it has none.
        description: as the operating system words it.
    """

    board: str | None
    port: str
    vendor_id: int
    product_id: int
    serial_number: str
    description: str


def same_port(first: str, second: str) -> bool:
    """True if two pyserial URLs name the same device, links followed."""
    if first == second:
        return True
    with contextlib.suppress(OSError, ValueError):
        return os.path.samefile(first, second)
    return False


def serial_group() -> str:
    """The group of this Linux whose members may open serial ports."""
    import grp  # noqa: PLC0415  # there is none on Windows

    known = {group.gr_name for group in grp.getgrall()}
    return next((name for name in SERIAL_GROUPS if name in known), SERIAL_GROUPS[0])


def join_serial_group() -> str:
    """Return the command that lets this user open serial ports, where that takes a group."""
    return f"sudo usermod -aG {serial_group()} {os.environ.get('USER') or '$USER'}, then log in again"


def attached_boards(*, boards: Iterable[Board] | None = None) -> tuple[AttachedBoard, ...]:
    """The USB serial ports of this computer, by name, each matched to the catalogue.

    Args:
        boards: what to match against; the whole catalogue by default.
    Raises:
        ConfigError: a catalogue file that breaks its rules.
    """
    from serial.tools import list_ports  # noqa: PLC0415  # slow to import, and only needed here

    known = tuple(list_boards() if boards is None else boards)
    ports = sorted(list_ports.comports(), key=lambda port: str(port.device))
    return tuple(_attached(port, known) for port in ports if port.vid is not None and port.pid is not None)


def _attached(port: Any, known: tuple[Board, ...]) -> AttachedBoard:
    usb_id = (int(port.vid), int(port.pid))
    names = [board.name for board in known if usb_id in board.usb_ids]
    return AttachedBoard(
        board=names[0] if len(names) == 1 else None,
        port=str(port.device),
        vendor_id=usb_id[0],
        product_id=usb_id[1],
        serial_number=port.serial_number or "",
        description=port.description or "",
    )
