"""boards and doctor: what is there, and whether this computer can use it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json as json_module
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinysine.errors import EXIT_BENCH_FAILURE, BuildError

if TYPE_CHECKING:
    from tinysine.boards import Board

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel="Output")]


def boards(json: AsJson = False) -> None:
    """List the boards: known, attached by USB, and emulated.

    \b
    Example:
      tinysine boards
    """
    from tinysine.boards import attached_boards, list_boards  # noqa: PLC0415
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.emulation import running_emulators  # noqa: PLC0415

    known, attached, running = list_boards(), attached_boards(), running_emulators()
    if json:
        document = {
            "catalogue": [_facts(board) for board in known],
            "attached": [asdict(board) for board in attached],
            "running": [
                {"board": r.board, "port": r.port, "control": str(r.control), "pid": r.pid} for r in running
            ],
        }
        say(json_module.dumps(document, indent=2))
        return
    table(
        "Boards of the catalogue",
        ["board", "", "chip", "core", "MHz", "stand-in"],
        [(b.name, b.title, b.chip, b.core, _mhz(b), b.backend) for b in known],
        right=[4],
    )
    if attached:
        rows = [
            (
                b.port,
                b.board or "unknown",
                f"{b.vendor_id:04x}:{b.product_id:04x}",
                b.serial_number,
                b.description,
            )
            for b in attached
        ]
        table("Attached by USB", ["port", "board", "usb id", "serial number", ""], rows)
    else:
        say("No board is attached by USB.")
    if running:
        table(
            "Running emulated boards",
            ["port", "board", "process"],
            [(r.port, r.board, r.pid) for r in running],
        )
    else:
        say("No emulated board is running; `tinysine emulate` starts one.")


def _facts(board: Board) -> dict[str, Any]:
    return {
        "name": board.name,
        "title": board.title,
        "chip": board.chip,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "backend": board.backend,
        "flash_bytes": board.flash.length if board.flash else None,
        "ram_bytes": board.ram.length if board.ram else None,
        "usb_ids": [f"{vendor:04x}:{product:04x}" for vendor, product in board.usb_ids],
        "flash_tools": list(board.flash_tools),
    }


def _mhz(board: Board) -> str:
    return f"{board.clock_hz / 1e6:g}" if board.clock_hz else ""


@dataclass(frozen=True)
class Check:
    """One thing that doctor looked at.

    Attributes:
        name: of it.
        found: version or place; "" when it is missing.
        need: what it is for.
        required: the main job needs it.
        fix: what to do when it is missing.
    """

    name: str
    found: str
    need: str
    required: bool
    fix: str


def doctor(json: AsJson = False) -> None:
    """Check tools and permissions, with a fix for each.

    Exits with 3 when something is missing that `tinysine run` needs.

    \b
    Example:
      tinysine doctor
    """
    from tinysine.commands.screen import say, table  # noqa: PLC0415

    checks = [*_packages(), *_compilers(), *_programs(), *_permissions()]
    missing = [check for check in checks if check.required and not check.found]
    if json:
        say(json_module.dumps({"ok": not missing, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        rows = [
            (
                check.name,
                check.found or ("MISSING" if check.required else "not there"),
                check.need,
                "" if check.found else check.fix,
            )
            for check in checks
        ]
        table("What tinysine uses", ["", "found", "for", "fix"], rows)
        say(
            f"{len(missing)} missing that `tinysine run` needs: {', '.join(c.name for c in missing)}"
            if missing
            else "Everything that `tinysine run` needs is there."
        )
    if missing:
        raise typer.Exit(EXIT_BENCH_FAILURE)


_PACKAGES = (
    ("ai-edge-litert", "ai_edge_litert", "the reference interpreter", True, "pip install tinysine"),
    ("pyserial", "serial", "serial ports", True, "pip install tinysine"),
    ("unicorn", "unicorn", "emulated boards", True, "pip install 'tinysine[emulator]'"),
    ("tensorflow", "tensorflow", "train, convert, run", True, "pip install 'tinysine[train]'"),
    ("matplotlib", "matplotlib", "plots", False, "pip install 'tinysine[train]'"),
    ("tflite-micro", "tflite_micro", "the second reference", False, "pip install 'tinysine[tflm]'"),
    ("pytest", "pytest", "hardware-in-the-loop tests", False, "pip install 'tinysine[test]'"),
)


def _packages() -> Iterator[Check]:
    for name, module, need, required, fix in _PACKAGES:
        found = ""
        # Finding a module does not import it: tensorflow would take seconds to say that it is there.
        if importlib.util.find_spec(module) is not None:
            try:
                found = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found = "installed"
        yield Check(name, found, need, required, fix)


def _compilers() -> Iterator[Check]:
    from tinysine.image import find_toolchain  # noqa: PLC0415

    for core, need, required in (
        ("cortex-m4", "firmware of boards", True),
        ("host", "firmware for this computer", False),
    ):
        try:
            tool = find_toolchain("auto", core)
            found = f"{tool.name} {tool.version}"
        except BuildError:
            found = ""
        yield Check(f"compiler for {core}", found, need, required, "pip install 'tinysine[toolchain]'")


def _programs() -> Iterator[Check]:
    for name, need, fix in (
        ("arm-none-eabi-gcc", "building with GCC (zig does as well)", "apt install gcc-arm-none-eabi"),
        ("qemu-system-arm", "boards in QEMU", "apt install qemu-system-arm"),
    ):
        yield Check(name, shutil.which(name) or "", need, False, fix)


def _permissions() -> Iterator[Check]:
    if not sys.platform.startswith("linux"):
        return
    import grp  # noqa: PLC0415  # there is none on Windows

    user = os.environ.get("USER") or "$USER"
    try:
        dialout = grp.getgrnam("dialout")
    except KeyError:
        return
    member = dialout.gr_gid in (os.getegid(), *os.getgroups())
    found = "root" if os.geteuid() == 0 else "member" if member else ""
    fix = f"sudo usermod -aG dialout {user}, then log in again"
    yield Check("group dialout", found, "serial ports of real boards", False, fix)
