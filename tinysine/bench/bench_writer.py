"""A bench file written from what is attached: the beginning of one's own."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tinysine.bench.bench_file import BenchEntry, BenchFile
from tinysine.bench.bench_reader import FILE_NAME, read_bench, with_ids
from tinysine.bench.census import FoundBoard
from tinysine.boards import Board, is_twin_id, load_board
from tinysine.errors import ConfigError
from tinysine.outside_text import one_line
from tinysine.place import TWIN
from tinysine.whole_files import require_writable, write_whole

_BY_ID = Path("/dev/serial/by-id")
_FIRST = ("id", "name")  # of the keys of a board


def bench_of(
    found: Iterable[FoundBoard],
    bench: BenchFile,
    *,
    twins: Iterable[Board] = (),
    stable_names: Path = _BY_ID,
) -> BenchFile:
    """Return the bench as it is now: what its file has, and each board that is attached and not in it.

    Args:
        found: by the census.
        bench: of today; an empty one where there is none.
        twins: boards whose twins are added, where the bench has no board of their name.
        stable_names: folder with names of ports that stay when ports are numbered anew.
    """
    new = [row for row in found if row.board is not None and not row.place and row.state != "missing"]
    serials = Counter(row.serial_number for row in new)
    serials.update(entry.usb_serial for entry in bench.entries)
    entries = [
        *bench.entries,
        *(_entry(row, is_only=serials[row.serial_number] == 1, names=stable_names) for row in new),
    ]
    names = {entry.name for entry in entries}
    entries += [
        BenchEntry(board.name, port=TWIN) for board in twins if board.has_twin and board.name not in names
    ]
    return dataclasses.replace(bench, entries=with_ids(entries))


def _entry(row: FoundBoard, *, is_only: bool, names: Path) -> BenchEntry:
    """One board that is attached: found by its own USB serial number where it has one, else at its port."""
    assert row.board is not None
    is_own = (row.vendor_id, row.product_id) in load_board(row.board).usb_ids  # and not an adapter's
    serial = row.serial_number if is_own and is_only and row.serial_number.isprintable() else ""
    told = row.identity.unique_id if row.identity is not None else None
    return BenchEntry(
        row.board,
        port="" if serial else _stable(row.port, names),
        usb_serial=serial,
        unique_id=told if told and not is_twin_id(told) else "",
    )


def _stable(port: str, names: Path) -> str:
    """The name of a port that stays; the port itself where it has none."""
    if not port.startswith("/") or not names.is_dir():
        return port
    same = (str(link) for link in sorted(names.iterdir()) if link.resolve() == Path(port).resolve())
    return next(same, port)


def bench_text(bench: BenchFile, found: Iterable[FoundBoard] = ()) -> str:
    """Return a bench as the text of its file.

    Args:
        bench: to be written.
        found: by the census: ports that may be boards are told in remarks, to be completed.
    """
    parts = ["# Written by `tinysine boards --write FILE`; docs/nightly/README.md has every key.\n"]
    if bench.features:
        parts.append(f"features = {_value(bench.features)}\n")
    for entry in bench.entries:
        keys = [*_FIRST, *(name for name in BenchEntry.__struct_fields__ if name not in _FIRST)]
        told = ((key, getattr(entry, key)) for key in keys)
        parts.append("[[board]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in told if value))
    for row in found:
        if row.board is None:
            parts.append(
                f"# {one_line(row.description) or 'a serial port'}: if it is a board, say which.\n"
                f'# [[board]]\n# name = "NAME"\n# port = {_value(one_line(row.port))}\n'
            )
    return "\n".join(parts)


def _value(value: str | Sequence[object]) -> str:
    return json.dumps(value, ensure_ascii=False)  # TOML's basic strings and arrays are JSON's


def write_bench(file: Path, text: str, *, overwrite: bool = False) -> BenchFile:
    """Write a bench file that can be read again.

    Args:
        file: to be written.
        text: of it.
        overwrite: replace one that exists.
    Returns:
        As it is read.
    Raises:
        ConfigError: it exists, or cannot be written; or it would not be read again.
    """
    refuse_existing(file, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / FILE_NAME
        draft.write_text(text, encoding="utf-8")
        bench = read_bench(draft)
    require_writable(file.parent)
    write_whole(file, text.encode())
    return dataclasses.replace(bench, file=str(file))


def refuse_existing(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that exists, unless somebody asked for it to be replaced.

    Raises:
        ConfigError: it exists.
    """
    if file.is_dir():
        raise ConfigError(
            f"{file} is a folder", hint=f"name a file in it, such as {FILE_NAME}", file=str(file)
        )
    if file.exists() and not overwrite:
        raise ConfigError(
            f"{file} exists, and was left as it is",
            hint="--overwrite replaces it, with its boards and without its remarks; or name another file",
            file=str(file),
        )
