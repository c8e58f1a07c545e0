"""Choice of the debug probe. A guess between two would flash the wrong board."""

from __future__ import annotations

from collections.abc import Sequence

from tinysine.errors import FlashError
from tinysine.flashing.tool import Target
from tinysine.flashing.usb import Probe, usb_port


def choose_probe(found: Sequence[Probe], target: Target, *, tool: str) -> str:
    """The serial number of the probe on a board.

    Args:
        found: all that could be it.
        target: its wiring may name the probe; else, where the port of the link is the probe's own, that names it.
        tool: for the message.
    Returns:
        "" only for a single probe that has no serial number.
    Raises:
        FlashError: none is there, not the one that is named, or several and none is named. Facts found.
    """
    board, wanted = target.board.name, target.wiring.probe
    listed = tuple(f"{probe.serial or 'without serial number'} ({probe.what})" for probe in found)
    port = usb_port(target.port)
    of_port = port.serial_number if port is not None else ""

    def refuse(what: str, hint: str) -> FlashError:
        return FlashError(what, hint=hint, tool=tool, found=listed)

    if wanted:
        if wanted in (probe.serial for probe in found):
            return wanted
        raise refuse(
            f"the probe {wanted} of {board} is not attached; nothing was flashed",
            f"attached: {', '.join(listed) or 'no probe'}",
        )
    if of_port and of_port in (probe.serial for probe in found):
        return of_port
    if len(found) == 1:
        return found[0].serial
    if found:
        raise refuse(
            f"{len(found)} probes could be that of {board}, and none is named: {'; '.join(listed)}; "
            "nothing was flashed",
            "name one: --probe SERIAL, or `probe` in the bench file",
        )
    raise refuse(
        f"{tool} finds no debug probe for {board}",
        "plug it in; on Linux `tinysine doctor` shows the udev rule it needs",
    )
