"""From a place to the rig that is there."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.boards import Board
from tinysine.emulation import find_emulator
from tinysine.flashing.tool import tell_on_stderr
from tinysine.link import await_path
from tinysine.place import NEW_TWIN, AtLabgrid, AtPort, NewTwin, Place
from tinysine.rigs.local import LocalRig
from tinysine.rigs.rig import Rig
from tinysine.rigs.twin import TwinRig
from tinysine.settings import CONNECT_TIMEOUT_S


def open_rig(
    board: Board,
    place: Place = NEW_TWIN,
    *,
    shared: bool = False,
    timeout_s: float = CONNECT_TIMEOUT_S,
    tell: Callable[[str], None] = tell_on_stderr,
) -> Rig:
    """The board `board`, ready to be flashed.

    Args:
        place: a new twin: it is started. The port of a running twin: that is used, and left running. Any other
            port: hardware, if a USB device is behind it; unknown until the device proves it, else. What stands there
            is leased until the rig is closed. A place of labgrid: waited for, and held until the rig is closed.
        shared: a twin that is started is for others to use, and not leased.
        timeout_s: for connecting later; a twin that is started gets as long for that, and 20 s at least.
        tell: shows a person what to do before a tool waits for it.

    Raises:
        ConfigError: a twin of another board is at the port, the port is one where the board takes uploads only, or
            no such flash tool exists.
        LeaseHeld: somebody else uses the hardware, or the running twin, or the place for too long.
        BenchError: the twin does not start; or labgrid does not answer, or the place has no serial line.
    """
    if isinstance(place, NewTwin):
        return TwinRig.start(board, shared=shared, timeout_s=timeout_s)
    if isinstance(place, AtLabgrid):
        from tinysine.rigs.labgrid import LabgridRig  # noqa: PLC0415 - brings the farm, which few have

        return LabgridRig(board, place, tell=tell)
    return TwinRig.attach(board, place.port) or LocalRig(board, place, tell=tell)


def await_port(place: Place, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
    """Make sure that a board's port is there before time is spent on what it will be asked; nothing is opened.

    Args:
        place: a device path of this computer is waited for: a board may just be booting. Of other places, and of a
            twin, which may be flashed while it is off, nothing is known before they are opened.
        timeout_s: how long connecting may take.
    Raises:
        PortUnavailable: it is missing, as connecting would say it.
    """
    if isinstance(place, AtPort) and find_emulator(place.port) is None:
        await_path(place.port, timeout_s=timeout_s)
