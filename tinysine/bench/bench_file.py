"""The bench file: which boards are connected to this computer, and how; and where the board that is asked for is.

```toml
features = ["microphone"]                # words of this bench, beside those that follow from a board's own file

[[board]]
name = "stm32f746g-disco"               # of the catalogue
usb_serial = "066DFF485457725187052924"  # finds the port, whatever it is called today
power = ["uhubctl", "-l", "1-1", "-p", "2", "-a", "cycle"]  # switches it off and on

[[board]]
id = "left"                              # tells it from others of its type; the name where there is one only
features = ["microphone"]                # what it has that its board file does not say
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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tinysine.boards import (
    FOREIGN,
    AttachedBoard,
    attached_boards,
    list_boards,
    load_board,
    same_port,
)
from tinysine.boards.toml_file import Table, Text, Words
from tinysine.emulation import running_emulators
from tinysine.errors import BoardNotFound, ConfigError, unknown_name
from tinysine.place import NEW_TWIN, TWIN, Attached, Named, NewTwin, Place, WantedPlace, Wiring, place_at

DOCS = "see docs/nightly/README.md"

Features = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_.-]{0,63}\Z")], ...],
    Meta(description='a list of words such as ["led"], in small letters'),
]
# It is part of file names and of the names of tests.
Id = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\Z",
        description="an id: letters, digits and _ . : - make one, at most 64 of them",
    ),
]
UniqueId = Annotated[str, Meta(pattern=r"\A[0-9A-Fa-f]{16}\Z", description="16 hexadecimal digits")]
Commands = Annotated[
    tuple[Annotated[tuple[Words, ...], Meta(min_length=1)], ...],
    Meta(
        min_length=1,
        description='a program and its arguments, each a text, as in ["uhubctl", "-a", "cycle"], or a list of these',
    ),
]


class BenchEntry(Table, frozen=True):
    """One board of a bench. Empty: not said.

    Attributes:
        name: in the catalogue.
        port: of the link; "twin" for a twin that is started for whoever asks.
        usb_serial: of the board's own USB device; finds the port of the link where none is given.
        probe: serial number of the debug probe on it.
        upload_port: of its boot loader, where it cannot be found by `usb_serial`.
        tool: the flash tool to use.
        unique_id: that its chip reports, 16 hexadecimal digits.
        id: tells it from every other board of the bench; `read_bench` gives one to each.
        power: commands that switch it off and on, one after the other; no shell.
        features: that it has, beside those of its board file.
    """

    name: Text
    port: Text = ""
    usb_serial: Text = ""
    probe: Text = ""
    upload_port: Text = ""
    tool: Text = ""
    unique_id: UniqueId = ""
    id: Id = ""
    power: Commands = ()
    features: Features = ()

    @property
    def wiring(self) -> Wiring:
        """Facts that flashing needs."""
        return Wiring(
            probe=self.probe,
            usb_serial=self.usb_serial,
            upload_port=self.upload_port,
            tool=self.tool,
            unique_id=self.unique_id.lower(),
            power=self.power,
        )

    @property
    def all_features(self) -> frozenset[str]:
        """Its own features, and those of its board file."""
        return load_board(self.name).features | set(self.features)

    @property
    def title(self) -> str:
        """Its id, and what it is where the id does not say so."""
        return self.id if self.id == self.name else f"{self.id} ({self.name})"

    def port_now(self, attached: tuple[AttachedBoard, ...]) -> str | None:
        """Port of its link; None when it is not there."""
        if self.port == TWIN:
            return TWIN
        if not self.port:
            return next((found.port for found in attached if found.serial_number == self.usb_serial), None)
        there = not self.port.startswith("/") or Path(self.port).exists()
        return self.port if there else None


@dataclass(frozen=True)
class BenchFile:
    """A bench. An empty one is that of a computer where nothing had to be said.

    Attributes:
        features: words for what boards of this bench may have, beside those of board files.
    """

    entries: tuple[BenchEntry, ...] = ()
    file: str = ""
    features: tuple[str, ...] = ()

    def entry(self, id: str) -> BenchEntry:
        """The board of this id.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        for entry in self.entries:
            if entry.id == id:
                return entry
        if not self.entries:
            where = f"{self.file} has no boards" if self.file else "there is no bench file"
            raise ConfigError(f"no board {id!r}: {where}", hint=DOCS, key="place")
        known = tuple(entry.id for entry in self.entries)
        raise unknown_name(f"{self.file} has no board {id!r}", id, known, file=self.file, key="place")

    @property
    def known_features(self) -> frozenset[str]:
        """Every word that a test may ask for."""
        known = {word for board in list_boards() for word in board.features}
        return frozenset(known | set(self.features))


def place_of(entry: BenchEntry, bench: BenchFile, *, probe: str = "") -> Place:
    """Present place of a board of the bench.

    Args:
        probe: serial number of the debug probe on it, where that was said outside the file.
    Raises:
        BoardNotFound: it is not there; facts board, found.
    """
    if entry.port == TWIN:
        return NEW_TWIN
    attached = attached_boards()
    now = entry.port_now(attached)
    if now is None:
        raise _not_there(entry.title, bench, attached)
    return place_at(now, _with_probe(entry.wiring, probe))


def find_place(
    board: str, asked: WantedPlace, *, id: str, bench: BenchFile, default: str = ""
) -> tuple[str, Place]:
    """Find the board of an id, or where none is named, as `locate`.

    Args:
        board, asked: as `locate` takes them.
        id: of a board of the bench; "" where none is named.
        bench: see `find_bench`.
        default: name of a board that nobody has asked for.
    Returns:
        Its name in the catalogue, and where it is.
    Raises:
        ConfigError: there is no such id; or a port or another board was named, too.
        BoardNotFound: as `locate`.
    """
    if not id:
        return board, locate(board, asked, bench=bench)
    entry = bench.entry(id)
    if board not in (entry.name, default, FOREIGN.name):
        raise ConfigError(
            f"{id} of {bench.file} is {entry.name}, not {board}",
            hint=f"--board {entry.name}, or leave --board out",
            key="place",
            expected=entry.name,
            got=board,
        )
    if isinstance(asked, Named):
        raise ConfigError(
            f"--place {id} and --port {asked.port} both say where the board is",
            hint="leave one of them out",
            key="place",
        )
    return entry.name, place_of(entry, bench, probe="" if isinstance(asked, NewTwin) else asked.wiring.probe)


def _not_there(board: str, bench: BenchFile, attached: Iterable[AttachedBoard]) -> BoardNotFound:
    return BoardNotFound(
        f"{board} of {bench.file} is not there",
        hint="plug it in, or correct the bench file",
        board=board,
        found=tuple(found.port for found in attached),
    )


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
        if now in (None, TWIN) or not same_port(str(now), asked.port):
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
        if entry.name == board and entry.port != TWIN and (now := entry.port_now(attached)) is not None
    ]
    if not places:
        if any(entry.name == board and entry.port != TWIN for entry in bench.entries):
            raise _not_there(board, bench, attached)
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
