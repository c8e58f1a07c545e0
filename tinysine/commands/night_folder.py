"""The folder of a night: claimed before it begins, and never one with files of another kind."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from pathlib import Path

from tinysine.commands.options import ANOTHER_OUT
from tinysine.errors import ConfigError
from tinysine.outside_json import read_json_file
from tinysine.report_file import is_report
from tinysine.result_files import INDEX_FILE, REPORT_FILE
from tinysine.whole_files import behind_links, unwritable


def refuse_own_file(history: Path, out: Path, labels: Iterable[str]) -> None:
    """Refuse a history that a night would write its own files over.

    Args:
        out: the folder that was named.
        labels: of the night's boards, which have a folder each.
    Raises:
        ConfigError: the history is one of the night's files, or in the folder of a board.
    """
    from tinysine.bench.night_report import JUNIT, PAGE, SUMMARY  # noqa: PLC0415

    own, place = {SUMMARY, PAGE, JUNIT, REPORT_FILE, INDEX_FILE, *labels}, behind_links(history)
    for name in own:
        if (behind_links(out) / name) in (place, *place.parents):
            raise ConfigError(
                f"the history file {history} is where a night writes its own {name}",
                hint="name another file with --history, such as history.sqlite beside the folder",
                file=str(history),
            )


def make_folder(folder: Path, *, stamp: str, history: Path | None = None) -> Path:
    """Claim an empty folder for a night: the one that is named, or a new one in it, if that holds earlier nights.

    Of several processes that ask at the same time each gets one of its own.

    Args:
        folder: that is named.
        stamp: the time, which a new one in it is named for.
        history: a file that may be there.
    Raises:
        ConfigError: it holds something else, or cannot be written.
    """
    try:
        entries = folder.iterdir() if folder.exists() else ()
        kept = [entry for entry in entries if not (_is_of(history, entry) or _is_index(entry))]
        if kept and not any(_is_night(entry) for entry in (folder, *kept)):
            raise ConfigError(
                f"{folder} holds files that are not those of an earlier night; nothing was touched",
                hint="name another folder with --out",
                file=str(folder),
            )
        if not kept:
            folder.mkdir(parents=True, exist_ok=True)
            if _claim(folder):
                return folder
        for number in itertools.count(1):  # two nights may begin in the same second
            own = folder / (stamp if number == 1 else f"{stamp}-{number}")
            with contextlib.suppress(FileExistsError):
                own.mkdir()
                if _claim(own):
                    return own
    except OSError as error:
        raise unwritable(folder, error, hint=ANOTHER_OUT) from error
    raise AssertionError  # there is always another number


def _claim(folder: Path) -> bool:
    """Take a folder for a night; False where another night has just taken it.

    Its summary is made, empty, by the one call of which the system lets only one succeed. It is filled at once.
    """
    from tinysine.bench.night_report import SUMMARY  # noqa: PLC0415

    try:
        (folder / SUMMARY).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def release_folder(folder: Path) -> None:
    """Give back a folder of `make_folder` in which no night began."""
    from tinysine.bench.night_report import SUMMARY  # noqa: PLC0415

    with contextlib.suppress(OSError):
        (folder / SUMMARY).unlink()


def _is_of(history: Path | None, entry: Path) -> bool:
    """Tell whether a file is the history, or what SQLite keeps beside it."""
    if history is None:
        return False
    own = {f"{history.name}{end}" for end in ("", "-wal", "-shm", "-journal")}
    return entry.name in own and behind_links(entry.parent) == behind_links(history.parent)


def _is_index(entry: Path) -> bool:
    return entry.name == INDEX_FILE and is_report(entry)


def _is_night(folder: Path) -> bool:
    from tinysine.bench.night_report import SCHEMA, SUMMARY  # noqa: PLC0415

    try:
        if (folder / SUMMARY).stat().st_size == 0:  # a night has just claimed it
            return True
        return bool(read_json_file(folder / SUMMARY)["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False
