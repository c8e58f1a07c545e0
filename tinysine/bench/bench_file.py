"""The bench file: which boards are connected to this computer, and how; and where the board that is asked for is.

```toml
[[board]]
name = "stm32f746g-disco"               # of the catalogue
usb_serial = "066DFF485457725187052924"  # finds the port, whatever it is called today

[[board]]
name = "nano33ble-sense"
port = "/dev/serial/by-id/usb-FTDI_TTL232R_FT1-if00-port0"  # the adapter on its pins
usb_serial = "C3D5"                      # its own USB, where the boot loader comes up
probe = "0001"                           # serial number of the debug probe, where there is one
tool = "pyocd"                           # instead of the first flash tool that is installed
unique_id = "8f3b5a2c91d07e64"           # that its chip reports: proves what no USB port can
```
"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinysine.boards import (
    AttachedBoard,
    attached_boards,
    is_twin_id,
    list_boards,
    load_board,
    read_toml,
    same_port,
    shown,
)
from tinysine.emulation import running_emulators
from tinysine.errors import BoardNotFound, ConfigError, unknown_name
from tinysine.flashing import choose_tool
from tinysine.place import Attached, Named, NewTwin, Place, WantedPlace, Wiring, place_at

FILE_NAME = "tinysine-bench.toml"
_DOCS = "see docs/nightly/README.md"
_UNIQUE_ID = re.compile("[0-9A-Fa-f]{16}")


@dataclass(frozen=True)
class BenchEntry:
    """One board of a bench. Empty: not said.

    Attributes:
        name: in the catalogue.
        port: of the link.
        usb_serial: of the board's own USB device; finds the port of the link where none is given.
        probe: serial number of the debug probe on it.
        upload_port: of its boot loader, where it cannot be found by `usb_serial`.
        tool: the flash tool to use.
        unique_id: that its chip reports, 16 hexadecimal digits.
    """

    name: str
    port: str = ""
    usb_serial: str = ""
    probe: str = ""
    upload_port: str = ""
    tool: str = ""
    unique_id: str = ""

    @property
    def wiring(self) -> Wiring:
        """What flashing has to know."""
        return Wiring(
            probe=self.probe,
            usb_serial=self.usb_serial,
            upload_port=self.upload_port,
            tool=self.tool,
            unique_id=self.unique_id.lower(),
        )

    def port_now(self, attached: tuple[AttachedBoard, ...]) -> str | None:
        """Where its link is; None when it is not there."""
        if not self.port:
            return next((found.port for found in attached if found.serial_number == self.usb_serial), None)
        there = not self.port.startswith("/") or Path(self.port).exists()
        return self.port if there else None


@dataclass(frozen=True)
class BenchFile:
    """A bench. An empty one is that of a computer where nothing had to be said."""

    entries: tuple[BenchEntry, ...] = ()
    file: str = ""


def find_bench(named: str = "") -> BenchFile:
    """The bench file that is named, else that of this folder, else that of this user, else none.

    Raises:
        ConfigError: see `read_bench`.
    """
    if named:
        return read_bench(named)
    import platformdirs  # noqa: PLC0415  # only needed where no file is named

    for path in (Path(FILE_NAME), platformdirs.user_config_path("tinysine") / "bench.toml"):
        if path.is_file():
            return read_bench(path)
    return BenchFile()


def read_bench(path: str | os.PathLike[str]) -> BenchFile:
    """A bench file, checked key by key.

    Raises:
        ConfigError: it cannot be read or is no TOML; an unknown key, board or tool (with the nearest); a
            value that is no text; a board that is said to be nowhere, or two in one place.
    """
    file = Path(path)
    table = read_toml(file, what="bench file", hint=_DOCS)
    _known(table, ("board",), where="", file=file)
    rows = table.get("board", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _refusal(file, "board", "boards are written as [[board]]")
    entries = tuple(_entry(row, f"board[{number}].", file) for number, row in enumerate(rows))
    for key in ("port", "usb_serial", "unique_id"):
        values = [value for entry in entries if (value := getattr(entry, key))]
        if twice := {value for value in values if values.count(value) > 1}:
            raise _refusal(file, key, f"two boards have the {key} {min(twice)!r}")
    return BenchFile(entries, str(file))


def _entry(row: dict[str, Any], where: str, file: Path) -> BenchEntry:
    names = tuple(fact.name for fact in dataclasses.fields(BenchEntry))
    _known(row, names, where=where, file=file)
    for key, value in row.items():
        if not isinstance(value, str) or not value or not value.isprintable():
            raise _refusal(file, where + key, f"{where}{key} is {shown(value)}, which is not a text")
    if "name" not in row:
        raise _refusal(file, where + "name", f"{where}name is missing: which board of the catalogue is it?")
    entry = BenchEntry(**row)
    try:
        board = load_board(entry.name)
        choose_tool(board, wanted=entry.tool)
        if entry.port:
            place_at(entry.port, entry.wiring)
    except ConfigError as error:
        raise ConfigError(
            f"{file}: {error.message}", hint=error.hint, **{**error.facts, "file": str(file)}
        ) from error
    if not entry.port and not entry.usb_serial:
        raise _refusal(file, where + "port", f"{entry.name} has neither port nor usb_serial")
    if entry.unique_id and not _UNIQUE_ID.fullmatch(entry.unique_id):
        raise _refusal(file, where + "unique_id", f"{where}unique_id is not 16 hexadecimal digits")
    if is_twin_id(entry.unique_id):
        raise _refusal(file, where + "unique_id", f"{where}unique_id is that of a chip made of software")
    return entry


def _known(table: dict[str, Any], names: tuple[str, ...], *, where: str, file: Path) -> None:
    for key in table:
        if key not in names:
            message = f"{file}: unknown key {where + key!r}"
            raise unknown_name(message, key, names, file=str(file), key=where + key)


def _refusal(file: Path, key: str, what: str) -> ConfigError:
    return ConfigError(f"{file}: {what}", hint=_DOCS, file=str(file), key=key)


def locate(board: str, asked: WantedPlace, *, bench: BenchFile) -> Place:
    """Find a board that somebody asked for.

    Args:
        board: catalogue name.
        asked: as `read_place` gave it. Attached: the bench's only board of this name, else the only attached one. Of a
            port, the bench may know more.
        bench: see `find_bench`.
    Raises:
        BoardNotFound: it has to be attached, and none is; facts board, found.
        ConfigError: several are attached; or the bench has another board at the port.
    """
    if isinstance(asked, NewTwin):
        return asked
    attached = attached_boards()
    if isinstance(asked, Attached):
        return _only(board, attached, bench, asked.wiring)
    for entry in bench.entries:
        now = entry.port_now(attached)
        if now is None or not same_port(now, asked.port):
            continue
        if entry.name != board:
            raise ConfigError(
                f"{bench.file} has {entry.name} at {asked.port}, not {board}",
                hint=f"--board {entry.name}, or correct the bench file",
                key="port",
                expected=entry.name,
                got=board,
            )
        return place_at(asked.port, _with_probe(entry.wiring, asked.wiring.probe))
    return asked


def _only(board: str, attached: tuple[AttachedBoard, ...], bench: BenchFile, wiring: Wiring) -> Place:
    places: list[Named] = [
        place_at(now, _with_probe(entry.wiring, wiring.probe))
        for entry in bench.entries
        if entry.name == board and (now := entry.port_now(attached)) is not None
    ]
    if not places:
        if any(entry.name == board for entry in bench.entries):
            raise BoardNotFound(
                f"{board} of {bench.file} is not there",
                hint="plug it in, or correct the bench file",
                board=board,
                found=tuple(found.port for found in attached),
            )
        places = [place_at(found.port, wiring) for found in attached if found.board == board]
    if len(places) == 1:
        return places[0]
    ports = tuple(place.port for place in places)
    if places:
        raise ConfigError(
            f"{len(places)} boards could be {board}: {', '.join(ports)}",
            hint="name one with --port",
            key="port",
            allowed=ports,
        )
    raise BoardNotFound(
        f"no {board} is attached",
        hint=_without_auto(board),
        board=board,
        found=tuple(found.port for found in attached),
    )


def _without_auto(name: str) -> str:
    """The way to a board that `auto` does not find: it never takes a twin for the board."""
    for twin in running_emulators():
        if twin.board == name:
            return f"plug it in; an emulated one is running: --port {twin.port}"
    board = load_board(name)
    if board.usb_ids:
        return "plug it in; `tinysine boards` lists what is there"
    other = next((b.name for b in list_boards() if set(b.usb_ids) & set(board.upload_usb_ids)), "")
    on_usb = f"; where the USB cable is the board's own, it is --board {other}" if other else ""
    return f"name the port that its serial line is on, --port PORT: no USB id tells which it is{on_usb}"


def _with_probe(wiring: Wiring, probe: str) -> Wiring:
    return dataclasses.replace(wiring, probe=probe) if probe else wiring
