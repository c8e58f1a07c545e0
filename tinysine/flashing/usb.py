"""Devices on this computer's USB: serial ports with their ids, and debug probes that have no port."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import AttachedBoard, Board, attached_boards, same_port

SYSFS = Path("/sys/bus/usb/devices")


@dataclass(frozen=True)
class Probe:
    """A debug probe, or a board that is its own.

    Attributes:
        serial: USB serial number, by which tools tell probes apart.
        what: for people.
    """

    serial: str
    what: str


def usb_port(port: str) -> AttachedBoard | None:
    """The USB serial port that a pyserial URL names; None if it is none."""
    return next((found for found in attached_boards() if same_port(found.port, port)), None)


def own_serial(port: str) -> str:
    """The USB serial number of the device at a port, by which it is known wherever it is plugged in.

    Returns:
        "" where it has none, and where another attached port has the same, such as that of an adapter as it left
        its factory.
    """
    attached = attached_boards()
    serial = next((found.serial_number for found in attached if same_port(found.port, port)), "")
    return serial if sum(found.serial_number == serial for found in attached) == 1 else ""


def usb_ports(ids: Collection[tuple[int, int]]) -> tuple[AttachedBoard, ...]:
    """Every USB serial port under one of some (vendor, product) ids."""
    return tuple(found for found in attached_boards() if (found.vendor_id, found.product_id) in ids)


def usb_probes_of(board: Board, *, sysfs: Path | None = None) -> tuple[Probe, ...]:
    """Every USB device under one of a board's ids, for boards whose probe sits on them.

    Args:
        sysfs: where Linux lists USB devices; elsewhere those with a serial port are found.
    """
    sysfs = SYSFS if sysfs is None else sysfs
    found: dict[str, Probe] = {}
    for device in sorted(sysfs.glob("*")) if sysfs.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            usb_id = (int(_word(device / "idVendor"), 16), int(_word(device / "idProduct"), 16))
            if usb_id in board.usb_ids:
                probe = Probe(_word(device / "serial"), _word(device / "product"))
                found[probe.serial or device.name] = probe
    for port in usb_ports(board.usb_ids):
        found.setdefault(port.serial_number or port.port, Probe(port.serial_number, port.description))
    return tuple(found.values())


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""
