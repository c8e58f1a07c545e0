"""The port of a boot loader on a board's own USB, which comes and goes with what runs on the board."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from tinysine.boards import AttachedBoard, attached_boards
from tinysine.errors import FlashError, PortUnavailable
from tinysine.flashing.tool import Target
from tinysine.flashing.usb import usb_port, usb_ports

WAIT_S = 30.0
LOADER_S = 10.0
POLL_S = 0.1
SETTLED = (
    5  # polls in a row with the same answer: a port that is about to vanish is still listed for a moment
)
TOUCH_BAUD = 1200


def upload_port(target: Target, *, tool: str) -> str:
    """Return the port that takes uploads to a board with USB of its own.

    In this order: the one that the wiring names, the port of the link if it is the board's own USB, the only
    attached port under one of the board's USB ids. Where there is none, a person is told to start the boot
    loader, and it is waited for.

    Raises:
        FlashError: several ports fit and none is named, or none came.
    """
    if target.wiring.upload_port:
        return target.wiring.upload_port
    own = usb_port(target.port)
    if own is not None and (own.vendor_id, own.product_id) in target.board.own_usb_ids:
        return own.port
    if not _candidates(target):
        target.tell(
            f"{target.board.name}: press its reset button twice, quickly: the boot loader's port has to appear "
            f"(waiting {WAIT_S:.0f} s)"
        )
    deadline = target.clock() + WAIT_S
    while not (found := _candidates(target)):
        if target.clock() >= deadline:
            raise FlashError(
                f"no port of {target.board.name} appeared within {WAIT_S:.0f} s",
                hint="press the reset button twice, quickly; the LED then fades in and out",
                tool=tool,
            )
        target.pause(POLL_S)
    if len(found) > 1:
        listed = tuple(f"{port.port} (serial number {port.serial_number or 'none'})" for port in found)
        raise FlashError(
            f"{len(found)} ports could be that of {target.board.name}, and none is named: {', '.join(listed)}; "
            "nothing was flashed",
            hint="name one: `upload_port` or `usb_serial` in the bench file",
            tool=tool,
            found=listed,
        )
    return found[0].port


def _candidates(target: Target) -> list[AttachedBoard]:
    wanted = target.wiring.usb_serial
    ids = target.board.own_usb_ids
    return [port for port in usb_ports(ids) if not wanted or port.serial_number == wanted]


def loader_port(target: Target, port: str, *, tool: str) -> str:
    """The boot loader's port of the board whose application may own `port`.

    An application with USB starts the loader when its port is opened at 1200 baud and closed again; the
    loader then comes under another USB id, and often under another name.

    Raises:
        FlashError: the loader's port does not come.
    """
    before = usb_port(port)
    loaders = target.board.own_usb_ids[1:]
    if before is None or (before.vendor_id, before.product_id) in loaders or not loaders:
        return port
    touch(port)
    deadline = target.clock() + LOADER_S
    while target.clock() < deadline:
        found = usb_ports(loaders)
        same = [p for p in found if p.serial_number == before.serial_number]
        if len(same) == 1 or (len(found) == 1 and not before.serial_number):
            return (same or found)[0].port
        target.pause(POLL_S)
    raise FlashError(
        f"{target.board.name} at {port} did not start its boot loader when its port was opened at {TOUCH_BAUD} baud",
        hint="press the reset button twice, quickly, and run this again",
        tool=tool,
    )


def touch(port: str) -> None:
    """Open a port at 1200 baud and close it: the sign by which Arduino's USB applications start their loader."""
    import serial  # noqa: PLC0415  # slow to import

    # The board may vanish while the port is still being closed, which is what was asked for.
    with contextlib.suppress(serial.SerialException, OSError):
        handle = serial.Serial(port, baudrate=TOUCH_BAUD)
        handle.dtr = False
        handle.close()


def port_after(before: AttachedBoard | None, target: Target) -> str:
    """Return the link's port after a flash tool has reset the board: USB devices come back under other names.

    Args:
        before: the link's USB port as it was; None for one that is no USB port, which keeps its name.
        target: the board.
    Raises:
        PortUnavailable: it did not come back; facts port, cause, found.
    """
    if before is None:
        return target.port
    ids = {(before.vendor_id, before.product_id)}
    if ids & set(target.board.usb_ids):
        ids |= set(target.board.usb_ids)
    deadline = target.clock() + LOADER_S
    last, seen, same_for = "", [], 0
    while same_for < SETTLED:
        seen = [port for port in attached_boards() if (port.vendor_id, port.product_id) in ids]
        mine = [port for port in seen if port.serial_number == before.serial_number]
        # Without a serial number of its own the name is all there is, unless only one can be meant.
        if len(mine) > 1:
            mine = [port for port in mine if port.port == before.port]
        now = mine[0].port if len(mine) == 1 else ""
        same_for = same_for + 1 if now and now == last else 0
        last = now
        if target.clock() >= deadline:
            raise PortUnavailable(
                f"{target.board.name} (USB serial number {before.serial_number or 'none'}) did not come back "
                f"within {LOADER_S:g} s after it was flashed",
                hint="replug it; there now: " + (", ".join(port.port for port in seen) or "no such port"),
                port=before.port,
                cause="missing",
                found=tuple(port.port for port in seen),
            )
        target.pause(POLL_S)
    return last


def short_name(port: str) -> str:
    """A port's name without its folder, as some tools want it on Linux and macOS."""
    return port if sys.platform == "win32" else Path(port).name
