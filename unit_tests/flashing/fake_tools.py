"""Fake flash tools, boards that only tests have, and time that a test has in its hands."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from tinysine.boards import Board, Memory, load_board
from tinysine.flashing import Target
from tinysine.place import Wiring

_SCRIPT = """#!{python}
import json, os, pathlib, subprocess, sys, time
sys.path[:0] = {paths}
files = {{name: pathlib.Path(name).read_bytes().hex() for name in sys.argv[1:] if pathlib.Path(name).is_file()}}
with open({log!r}, "a") as log:
    log.write(json.dumps({{"tool": {name!r}, "arguments": sys.argv[1:], "files": files}}) + "\\n")
{behaviour}
"""


@dataclasses.dataclass(frozen=True)
class Call:
    """One run of a fake tool.

    Attributes:
        tool: its name.
        arguments: as it got them.
        files: content of those arguments that were files then.
    """

    tool: str
    arguments: list[str]
    files: dict[str, bytes]


class Bench:
    """A folder on PATH with fake tools, and the record of their runs."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._log = folder / "calls.jsonl"

    def tool(self, name: str, behaviour: str = "") -> Path:
        """Install a tool: Python that runs after the call was recorded; by default it succeeds, without a word."""
        path = self.bin / name
        text = _SCRIPT.format(
            python=sys.executable, paths=sys.path, log=str(self._log), name=name, behaviour=behaviour
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    @property
    def calls(self) -> list[Call]:
        """Every run so far."""
        if not self._log.exists():
            return []
        lines = map(json.loads, self._log.read_text(encoding="utf-8").splitlines())
        return [
            Call(
                line["tool"],
                line["arguments"],
                {name: bytes.fromhex(content) for name, content in line["files"].items()},
            )
            for line in lines
        ]


NANO = load_board("nano33ble-sense")

DISCO = structs.replace(
    NANO,
    name="disco",
    core="cortex-m7",
    usb_ids=((0x0483, 0x374B),),
    flash=Memory(0x08000000, 0x100000),
    flash_tools=("pyocd", "openocd", "st-flash", "mass-storage"),
    flash_options={
        "pyocd": "stm32f746nghx",
        "openocd": "board/stm32f746g-disco.cfg",
        "st-flash": "0x449",
        "mass-storage": "DIS_F746NG/firmware.bin",
    },
)
EDGE = structs.replace(
    NANO,
    name="edge",
    usb_ids=((0x1A86, 0x7523),),
    flash=Memory(0xC000, 0xF4000),
    flash_tools=("asb", "apollo3-wired", "svl", "pyocd"),
    flash_options={"pyocd": "ama3b1kk_kbr"},
)
UNO = structs.replace(
    NANO,
    name="uno",
    core="avr5",
    usb_ids=((0x2341, 0x0043), (0x2341, 0x0001)),
    flash=Memory(0, 0x7E00),
    flash_tools=("arduino-cli", "avrdude"),
    flash_options={"arduino-cli": "arduino:avr:uno", "avrdude": "m328p arduino"},
)


class Clock:
    """Time that passes only while somebody pauses; things can be made to happen at a moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self._events: list[tuple[float, Callable[[], None]]] = []

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Have something happen."""
        self._events.append((moment, event))

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for entry in [entry for entry in self._events if entry[0] <= self.now]:
            self._events.remove(entry)
            entry[1]()

    def target(self, board: Board, port: str, wiring: Wiring | None = None) -> Target:
        """A board in this time."""
        return Target(board, port, wiring or Wiring(), self.told.append, self.pause, lambda: self.now)
