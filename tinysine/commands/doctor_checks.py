"""Checks of doctor: packages, compilers, programs, flash tools, permissions."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.errors import BuildError, ConfigError
from tinysine.extras import PACKAGES, is_installed

if TYPE_CHECKING:
    from tinysine.image import Toolchain

UDEV_FOLDERS = tuple(
    Path(folder)
    for folder in ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
)
UDEV_FILE = "/etc/udev/rules.d/70-tinysine.rules"  # uaccess counts only in files before 73-seat-late


@dataclass(frozen=True)
class Check:
    """One thing that doctor looked at.

    Attributes:
        name: of it.
        found: version, place or result; "" when it is missing.
        need: what it is for.
        required: the main job needs it.
        fix: what to do when it is missing.
    """

    name: str
    found: str
    need: str
    required: bool
    fix: str


def all_checks(stage: Callable[[str], AbstractContextManager[object]] = nullcontext) -> list[Check]:
    """Return the checks of everything but the boards.

    Each program that is asked for its version has 30 s, and one that takes longer is reported as missing.

    Args:
        stage: around each part, by its name.
    """
    checks: list[Check] = []
    for what, look in (
        ("packages", _packages),
        ("compilers", _compilers),
        ("QEMU", _qemu),
        ("flash tools", _flash_tools),
        ("permissions", _permissions),
    ):
        with stage(what):
            checks += look()
    return checks


_REQUIRED = ("ai_edge_litert", "serial", "unicorn")  # by `tinysine verify`


def _packages() -> Iterator[Check]:
    for package in PACKAGES:
        found = ""
        # Finding a module does not import it: tensorflow would take seconds to say that it is there.
        if is_installed(package.module):
            try:
                found = importlib.metadata.version(package.name)
            except importlib.metadata.PackageNotFoundError:
                found = "installed"
        yield Check(package.name, found, package.need, package.module in _REQUIRED, package.install)


def _compilers() -> Iterator[Check]:
    from tinysine.boards import AVR  # noqa: PLC0415
    from tinysine.image import find_toolchain  # noqa: PLC0415

    # What a build asks, so that the two cannot disagree.
    yield _compiler(
        "cortex-m4", "firmware of boards", lambda: find_toolchain("auto", "cortex-m4"), required=True
    )
    yield _compiler("host", "firmware for this computer", lambda: find_toolchain("auto", "host"))
    yield _compiler(AVR, "the Arduino Uno", lambda: find_toolchain("auto", AVR))
    yield _compiler("nano33ble-usb", "the Nano 33 BLE on its own USB", _arduino_cli)
    gcc = shutil.which("arm-none-eabi-gcc") or ""
    need = "building with GCC (zig does as well)"
    yield Check("arm-none-eabi-gcc", gcc, need, False, "apt install gcc-arm-none-eabi")


def _compiler(target: str, need: str, find: Callable[[], Toolchain], *, required: bool = False) -> Check:
    try:
        tool = find()
    except BuildError as error:
        return Check(f"compiler for {target}", "", need, required, error.hint or error.message)
    found = tool.version if tool.name in tool.version else f"{tool.name} {tool.version}"
    return Check(f"compiler for {target}", found, need, required, "")


def _arduino_cli() -> Toolchain:
    from tinysine.boards import load_board  # noqa: PLC0415
    from tinysine.image.sketch_cli import find_arduino_cli  # noqa: PLC0415

    return find_arduino_cli(load_board("nano33ble-usb"), "auto")


def _qemu() -> Iterator[Check]:
    if sys.platform == "win32":
        return  # no pseudo-terminals, so no boards in QEMU
    from tinysine.boards import load_board  # noqa: PLC0415
    from tinysine.emulation.qemu_process import qemu_program  # noqa: PLC0415

    for board, need in (
        ("qemu:lm3s6965evb", "boards in QEMU"),
        ("qemu:arduino-uno", "the Arduino Uno in QEMU"),
    ):
        try:
            path = qemu_program(load_board(board))
            yield Check(Path(path).name, path, need, False, "")
        except ConfigError as error:
            yield Check(str(error.facts["tool"]), "", need, False, error.hint)


def _flash_tools() -> Iterator[Check]:
    from tinysine.boards import list_boards  # noqa: PLC0415
    from tinysine.flashing import FLASH_TOOLS  # noqa: PLC0415

    for tool in FLASH_TOOLS.values():
        users = [board.name for board in list_boards() if tool.name in board.flash_tools]
        if users:
            program = tool.program() or ""
            found = "built in" if program == sys.executable else program
            yield Check(tool.name, found, f"flashing {', '.join(users)}", False, tool.install)


def _permissions() -> Iterator[Check]:
    if sys.platform.startswith("linux"):
        yield _serial_group()
        yield _udev_rules()


def _serial_group() -> Check:
    import grp  # noqa: PLC0415  # there is none on Windows

    from tinysine.boards import join_serial_group, serial_group  # noqa: PLC0415

    known = {group.gr_name: group for group in grp.getgrall()}
    name = serial_group()
    found, fix = "", join_serial_group()
    if os.geteuid() == 0:
        found = "root"
    elif name in known:
        if known[name].gr_gid in (os.getegid(), *os.getgroups()):
            found = "member"
        elif os.environ.get("USER") in known[name].gr_mem:
            fix = "log out and in again: you became a member after you had logged in"
    return Check(f"group {name}", found, "serial ports of real boards", False, fix)


def _udev_rules() -> Check:
    vendors = {vendor: _rule_file(vendor) for vendor in probe_vendors()}
    missing = [vendor for vendor, file in vendors.items() if file is None]
    found = "root" if os.geteuid() == 0 else ""
    if not missing:
        found = ", ".join(dict.fromkeys(str(file) for file in vendors.values()))
    return Check("udev rules", found, "debug probes on boards", False, udev_fix(missing))


def probe_vendors() -> list[int]:
    """USB vendors of boards that carry their own debug probe, which is no serial port to the system."""
    from tinysine.boards import list_boards  # noqa: PLC0415
    from tinysine.flashing import FLASH_TOOLS  # noqa: PLC0415

    with_probe = {name for name, tool in FLASH_TOOLS.items() if tool.probe_on_board}
    return sorted(
        {
            vendor
            for board in list_boards()
            if with_probe & set(board.flash_tools)
            for vendor, _product in board.usb_ids
        }
    )


def _rule_file(vendor: int) -> Path | None:
    for folder in UDEV_FOLDERS:
        for file in sorted(folder.glob("*.rules")):
            try:
                text = file.read_text(encoding="utf-8", errors="replace").lower()
            except OSError:
                continue
            # Other rules name vendors, too; only those that give access help.
            if any(
                f'"{vendor:04x}"' in line and ("mode" in line or "uaccess" in line)
                for line in text.splitlines()
            ):
                return file
    return None


def udev_fix(vendors: list[int]) -> str:
    """The command that lets this user reach devices of some vendors."""
    from tinysine.boards import serial_group  # noqa: PLC0415

    group = serial_group()
    rules = "".join(
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor:04x}", MODE="0660", GROUP="{group}", TAG+="uaccess"\\n'
        for vendor in vendors
    )
    write = f"printf {shlex.quote(rules)} | sudo tee {UDEV_FILE}"
    return f"{write} && sudo udevadm control --reload && sudo udevadm trigger"
