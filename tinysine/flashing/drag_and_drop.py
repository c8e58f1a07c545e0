"""Probes that show a drive: a file copied there is programmed. DAPLink and ST-LINK have it.

Board files tell the drive's label and the name of the file: `mass-storage = "MICROBIT/firmware.hex"`.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import sys
from pathlib import Path

from tinysine.errors import ConfigError, FlashError
from tinysine.flashing.firmware_file import firmware_file
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool
from tinysine.flashing.usb import usb_port
from tinysine.image import Image
from tinysine.outside_text import is_file_name
from tinysine.processes import python_command

TIMEOUT_S = 60.0
BACK_S = 20.0
POLL_S = 0.2
REPORT = "FAIL.TXT"
MOUNTS, DISKS = Path("/proc/mounts"), Path("/dev/disk/by-id")
# Copied by a process of its own: writing to a drive that hangs cannot be interrupted otherwise.
COPY = "import os, shutil, sys; shutil.copyfile(*sys.argv[1:]); os.sync()"


class DragAndDrop(UploadTool):
    """Copies the image to the board's drive and looks whether a report of a failure comes back."""

    name = "mass-storage"
    probe_on_board = True
    install = "nothing to install: mount the board's drive"
    needs = "its drive's label and the file's name"

    def program(self) -> str | None:
        """This Python: copying needs no other program. Whether there is a drive shows when it is used."""
        return sys.executable

    def flash(self, image: Image, target: Target) -> None:
        """Copy, wait for the drive to come back, read its report.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        label, file = self._names(target)
        drive = find_drive(label, target)
        suffix = Path(file).suffix
        with firmware_file(image, suffix, name=Path(file).stem) as path:
            command = python_command("-c", COPY, str(path), str(drive / file))
            run_tool(
                self.name, command, timeout_s=TIMEOUT_S, hint="mount the drive so that you may write to it"
            )
        shown = f"copy {file} to {drive}"
        self._read_report(drive, target, shown)

    def _names(self, target: Target) -> tuple[str, str]:
        option = target.option(self)
        label, _, file = option.partition("/")
        if not label or Path(file).suffix not in (".bin", ".hex") or not is_file_name(file):
            raise ConfigError(
                f"{target.board.name}: {option!r} is not a drive and a file",
                hint='such as "MICROBIT/firmware.hex" or "DIS_F746NG/firmware.bin"',
                key=f"flash_options.{self.name}",
            )
        return label, file

    def _read_report(self, drive: Path, target: Target, shown: str) -> None:
        # The probe programs, then takes the drive away and brings it back, with a report if it failed.
        deadline = target.clock() + BACK_S
        while not drive.is_dir() or not any(drive.iterdir()):
            if target.clock() >= deadline:
                return  # where nobody mounts drives by themselves it stays away; the device will tell
            target.pause(POLL_S)
        report = drive / REPORT
        if report.is_file():
            text = report.read_text(encoding="utf-8", errors="replace").strip()
            raise FlashError(
                f"{self.name} failed: {text.splitlines()[0] if text else 'the probe left ' + REPORT}",
                hint="unplug the board and plug it in again",
                tool=self.name,
                command=shown,
                output=text,
            )


def find_drive(label: str, target: Target) -> Path:
    """Return the folder where the drive of one board is mounted.

    Args:
        label: of the drive; a second one of the same name is mounted as label1, "label 1" and the like.
        target: its wiring's probe, or the serial number of the link's USB device, tells two drives apart.
    Raises:
        FlashError: none is mounted, or several are and none can be told to be meant.
    """
    named = re.compile(re.escape(label) + r"[ _-]?\d*")
    drives = {path: device for path, device in _mounted().items() if named.fullmatch(path.name)}
    port = usb_port(target.port)
    serial = target.wiring.probe or (port.serial_number if port is not None else "")
    own = [path for path, device in drives.items() if serial and _serial_is(device, serial)]
    if len(own) == 1:
        return own[0]
    if len(drives) == 1 and (not target.wiring.probe or "" in drives.values()):
        return next(iter(drives))
    listed = tuple(str(path) for path in drives)
    if target.wiring.probe:
        what = f"the drive {label} of the probe {target.wiring.probe} is not mounted"
    elif drives:
        what = f"{len(drives)} drives could be that of {target.board.name}: {', '.join(listed)}"
    else:
        what = f"no drive {label} of {target.board.name} is mounted"
    raise FlashError(
        f"{what}; nothing was flashed",
        hint="name the probe: --probe SERIAL, or `probe` in the bench file"
        if drives
        else f"mount it, such as with: udisksctl mount -b {shlex.quote('/dev/disk/by-label/' + label)}",
        tool="mass-storage",
        found=listed,
    )


def _mounted() -> dict[Path, str]:
    """Return the folders of mounted drives, each with its device; "" if that is not known."""
    if not MOUNTS.is_file():
        folders = () if sys.platform == "win32" else Path("/Volumes").glob("*")
        return {path: "" for path in folders if path.is_dir()}
    found: dict[Path, str] = {}
    for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        device, path, *_ = [*line.split(), "", ""]
        if path:
            # The kernel writes a space in a path as \040.
            mount = Path(path.replace("\\040", " "))
            found[mount] = found.get(mount) or (os.path.realpath(device) if device.startswith("/") else "")
    return found


def _serial_is(device: str, serial: str) -> bool:
    links = DISKS.glob(f"*{glob.escape(serial)}*") if DISKS.is_dir() and "/" not in serial else ()
    return any(os.path.realpath(link) == device for link in links)
