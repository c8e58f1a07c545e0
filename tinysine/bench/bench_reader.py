"""A bench file, checked key by key as it is read."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from tinysine.bench.bench_file import DOCS, BenchEntry, BenchFile, Features
from tinysine.boards import is_twin_id, load_board
from tinysine.boards.toml_file import Table, decode_table, read_toml
from tinysine.errors import ConfigError, unknown_name
from tinysine.flashing import choose_tool
from tinysine.place import ANY_PORT, LABGRID, TWIN, read_place

FILE_NAME = "tinysine-bench.toml"


class _File(Table, frozen=True):
    """A bench file as it is written."""

    board: Annotated[
        tuple[BenchEntry, ...], Meta(description="a list of tables, each written as [[board]]")
    ] = ()
    features: Features = ()


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
    table = read_toml(file, what="bench file", hint=DOCS)
    told = decode_table(_with_lists_of_commands(table), _File, file=file, hint=DOCS)
    for number, entry in enumerate(told.board):
        _check(entry, f"board[{number}].", file)
    bench = BenchFile(with_ids(told.board), str(file), told.features)
    for key in ("port", "usb_serial", "unique_id", "id"):
        # Of ids also those that a file system may take for one.
        values = [
            value.lower() if key == "id" else value
            for value in (getattr(entry, key) for entry in bench.entries)
        ]
        # A twin is started for each; of labgrid's places that have a tag, each gets another one.
        values = [value for value in values if value and value != TWIN and not value.startswith(LABGRID)]
        if twice := {value for value in values if values.count(value) > 1}:
            raise _refusal(file, key, f"two boards have the {key} {min(twice)!r}")
    for number, entry in enumerate(bench.entries):
        for word in entry.features:
            if word not in bench.known_features:
                key = f"board[{number}].features"
                what = "which is neither a feature of a board file, nor among `features` at the top"
                message = f"{file}: {key} has {word!r}, {what}"
                raise unknown_name(message, word, bench.known_features, file=str(file), key=key)
    return bench


def with_ids(entries: Sequence[BenchEntry]) -> tuple[BenchEntry, ...]:
    """Give each board an id: its name where it has none, those that come again with a number."""
    taken = {entry.id for entry in entries}
    named = []
    for entry in entries:
        if not entry.id:
            numbered = (f"{entry.name}-{number}" for number in itertools.count(2))
            free = next(id for id in itertools.chain([entry.name], numbered) if id not in taken)
            taken.add(free)
            entry = replace(entry, id=free)  # noqa: PLW2901
        named.append(entry)
    return tuple(named)


def _with_lists_of_commands(table: dict[str, Any]) -> dict[str, Any]:
    """The table with each `power` that is one command as a list of one."""
    rows = table.get("board")
    if not isinstance(rows, list):
        return table

    def listed(row: Any) -> Any:
        power = row.get("power") if isinstance(row, dict) else None
        is_one = isinstance(power, list) and power and all(isinstance(word, str) for word in power)
        return {**row, "power": [power]} if is_one else row

    return {**table, "board": [listed(row) for row in rows]}


def _check(entry: BenchEntry, where: str, file: Path) -> None:
    """Check what a type cannot say: names of the catalogue, and keys against each other."""
    try:
        board = load_board(entry.name)
        choose_tool(board, wanted=entry.tool)
        read_place(entry.port or None, source=f"{where}port")
    except ConfigError as error:
        raise ConfigError(
            f"{file}: {error.message}", hint=error.hint, **{**error.facts, "file": str(file)}
        ) from error
    if not entry.port and not entry.usb_serial:
        raise _refusal(file, where + "port", f"{entry.name} has neither port nor usb_serial")
    if entry.port == ANY_PORT:
        raise _refusal(file, where + "port", f"{where}port is auto, which is no place of a board of its own")
    if entry.port == TWIN and not board.has_twin:
        raise _refusal(file, where + "port", f"{entry.name} has no twin")
    if is_twin_id(entry.unique_id):
        raise _refusal(file, where + "unique_id", f"{where}unique_id is that of a chip made of software")


def _refusal(file: Path, key: str, what: str) -> ConfigError:
    return ConfigError(f"{file}: {what}", hint=DOCS, file=str(file), key=key)
