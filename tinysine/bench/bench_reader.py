"""A bench file, checked key by key as it is read."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinysine.bench.bench_file import DOCS, BenchEntry, BenchFile
from tinysine.boards import is_twin_id, load_board, read_toml, shown
from tinysine.errors import ConfigError, unknown_name
from tinysine.flashing import choose_tool
from tinysine.place import ANY_PORT, LABGRID, TWIN, read_place

FILE_NAME = "tinysine-bench.toml"
_UNIQUE_ID = re.compile("[0-9A-Fa-f]{16}")
_ID = re.compile("[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")  # it is part of file names and of the names of tests
_FEATURE = re.compile("[a-z0-9][a-z0-9_.-]{0,63}")


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
    _known(table, ("board", "features"), where="", file=file)
    rows = table.get("board", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _refusal(file, "board", "boards are written as [[board]]")
    features = _words(table.get("features", []), "features", file)
    entries = tuple(_entry(row, f"board[{number}].", file) for number, row in enumerate(rows))
    bench = BenchFile(with_ids(entries), str(file), features)
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
    for number, entry in enumerate(entries):
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
            entry = dataclasses.replace(entry, id=free)  # noqa: PLW2901
        named.append(entry)
    return tuple(named)


def _entry(row: dict[str, Any], where: str, file: Path) -> BenchEntry:
    names = tuple(fact.name for fact in dataclasses.fields(BenchEntry))
    _known(row, names, where=where, file=file)
    facts: dict[str, Any] = dict(row)
    if "power" in row:
        facts["power"] = _commands(row["power"], where + "power", file)
    if "features" in row:
        facts["features"] = _words(row["features"], where + "features", file)
    for key, value in facts.items():
        if key not in ("power", "features") and not is_text(value):
            raise _refusal(file, where + key, f"{where}{key} is {shown(value)}, which is not a text")
    if "name" not in row:
        raise _refusal(file, where + "name", f"{where}name is missing: which board of the catalogue is it?")
    entry = BenchEntry(**facts)
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
    if entry.id and not _ID.fullmatch(entry.id):
        raise _refusal(
            file,
            where + "id",
            f"{where}id is {shown(entry.id)}: letters, digits and _ . : - make an id, at most 64 of them",
        )
    if entry.unique_id and not _UNIQUE_ID.fullmatch(entry.unique_id):
        raise _refusal(file, where + "unique_id", f"{where}unique_id is not 16 hexadecimal digits")
    if is_twin_id(entry.unique_id):
        raise _refusal(file, where + "unique_id", f"{where}unique_id is that of a chip made of software")
    return entry


def is_text(value: object) -> bool:
    """Tell whether a value of the file is a text that can be shown."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _words(value: object, where: str, file: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(word, str) and _FEATURE.fullmatch(word) for word in value
    ):
        raise _refusal(
            file,
            where,
            f'{where} is {shown(value)}, and not a list of words such as ["led"], in small letters',
        )
    return tuple(dict.fromkeys(value))


def _commands(value: object, where: str, file: Path) -> tuple[tuple[str, ...], ...]:
    """One command, or several."""
    if isinstance(value, list) and value:
        rows = [value] if all(isinstance(word, str) for word in value) else value
        if all(isinstance(row, list) and row and all(map(is_text, row)) for row in rows):
            return tuple(tuple(row) for row in rows)
    raise _refusal(
        file,
        where,
        f'{where} is {shown(value)}: a program and its arguments, each a text, as in ["uhubctl", "-a", "cycle"]; '
        "or a list of these",
    )


def _known(table: dict[str, Any], names: tuple[str, ...], *, where: str, file: Path) -> None:
    for key in table:
        if key not in names:
            message = f"{file}: unknown key {where + key!r}"
            raise unknown_name(message, key, names, file=str(file), key=where + key)


def _refusal(file: Path, key: str, what: str) -> ConfigError:
    return ConfigError(f"{file}: {what}", hint=DOCS, file=str(file), key=key)
