"""A history in one SQLite file: written whole or not at all, by several programs at the same time."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec

from tinysine.errors import BenchError, ConfigError, TinysineError
from tinysine.history.records import SERIES, UNTOLD, Figure, HistoryRun, KeptRun, TestOutcome
from tinysine.history.schema import APPLICATION_ID, STEPS, VERSION
from tinysine.regular_files import open_regular
from tinysine.whole_files import FREE_SOME, has_no_room, unwritable

ANOTHER = "name another with --history"
WAIT_S = 30.0  # for a program that is writing
_SQLITE = b"SQLite format 3\x00"
_JSON_LINES = b'{"schema": "tinysine.history/'
_LISTS = ("figures", "tests")
_SWITCHES = ("flaky", "prune", "changed")
_SWITCHED = {0: False, 1: True}  # SQLite has no truth values
COLUMNS = tuple(name for name in HistoryRun.__struct_fields__ if name not in _LISTS)
_SELECTED = ", ".join(f'runs."{name}"' for name in ("number", *COLUMNS))


class History:
    """The runs of a file, oldest first. A context manager; not to be shared between threads.

    Args:
        path: of the file.
        write: make it if it is missing, and bring an older one to this version; else it is only read.
    Raises:
        ConfigError: it holds something else, is of a later version, is damaged, or cannot be read or written; also one
            that is missing and only to be read.
        BenchError: no room is left, or another program keeps it locked.
    """

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.path = path
        self._refuse_others(write=write)
        with self._said():
            self._connection = self._open(write=write)
            try:
                self._prepare(write=write)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def add(self, runs: Iterable[HistoryRun]) -> list[int]:
        """Add runs, all or none. They are on the disk when this returns.

        Returns:
            Their numbers.
        Raises:
            BenchError: no room is left, or another program keeps the file locked.
        """
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        places = ", ".join("?" * len(COLUMNS))
        numbers = []
        known: dict[tuple[str, str, str], int] = {}  # for this transaction: another program may remove series
        with self._writing():
            for run in runs:
                values = [_storable(getattr(run, name)) for name in COLUMNS]
                cursor = self._connection.execute(f"INSERT INTO runs ({names}) VALUES ({places})", values)
                number = int(cursor.lastrowid or 0)
                self._connection.executemany(
                    "INSERT OR REPLACE INTO figures VALUES (?, ?, ?)",
                    [(number, self._series(figure, known), figure.value) for figure in run.figures],
                )
                self._connection.executemany(
                    "INSERT INTO tests VALUES (?, ?, ?, ?, ?)",
                    [
                        (number, *map(_storable, (test.name, test.verdict, test.seconds, test.reason)))
                        for test in run.tests
                    ],
                )
                numbers.append(number)
        return numbers

    def runs(
        self,
        *,
        most: int | None = None,
        before: int | None = None,
        after: int | None = None,
        of: str = "",
        like: HistoryRun | None = None,
        **where: Any,
    ) -> list[KeptRun]:
        """Return runs without their figures and tests, the latest first.

        Args:
            most: how many; None for all.
            before, after: only those with a smaller number, or a larger one.
            of: only those of this board, by its id in a bench file or its name in the catalogue.
            like: only those of the series of this run: alike in SERIES, as far as a run of an earlier version tells;
                where it was on hardware, of the same chip, else of the same id in the bench file.
            where: values that fields of `HistoryRun` must have, such as board="host".
        """
        chosen, values = _conditions(before=before, after=after, of=of, like=like, where=where)
        limit = "" if most is None else f" LIMIT {int(most)}"
        rows = self._rows(f"SELECT {_SELECTED} FROM runs{chosen} ORDER BY number DESC{limit}", values)
        return [self._kept(row) for row in rows]

    def run(self, number: int) -> KeptRun | None:
        """Return one run with its figures and tests; None where there is none of this number."""
        rows = self._rows(f"SELECT {_SELECTED} FROM runs WHERE number = ?", (number,))
        if not rows:
            return None
        figures = self._rows(
            "SELECT name, value, unit, part, better FROM figures JOIN series ON series.id = series"
            " WHERE run = ? ORDER BY series",
            (number,),
        )
        tests = self._rows(
            "SELECT name, verdict, seconds, reason FROM tests WHERE run = ? ORDER BY rowid", (number,)
        )
        return self._kept(
            rows[0],
            figures=[self._figure(row) for row in figures],
            tests=[self._test(row) for row in tests],
        )

    def series(
        self,
        name: str,
        unit: str | None = None,
        *,
        most: int | None = None,
        after: int | None = None,
        before: int | None = None,
        like: HistoryRun | None = None,
        **where: Any,
    ) -> list[tuple[KeptRun, int | float]]:
        """Return a figure of the whole from run to run, the latest first; runs that do not have it are left out.

        Args:
            name: of the figure.
            unit: that it has; None for any.
            most, after, before, like, where: as for `runs`.
        Returns:
            Each run, without its lists, and the value.
        """
        chosen, values = _conditions(before=before, after=after, like=like, where=where)
        ids = "SELECT id FROM series WHERE name = ? AND part = ''" + " AND unit = ?" * (unit is not None)
        limit = "" if most is None else f" LIMIT {int(most)}"
        rows = self._rows(
            f"SELECT {_SELECTED}, value FROM runs JOIN figures ON run = number AND series IN ({ids}){chosen}"
            f" ORDER BY number DESC{limit}",
            (name, *([] if unit is None else [unit]), *values),
        )
        return [(self._kept(row[:-1]), self._finite(row[-1], name)) for row in rows]

    def remove(self, *, before_utc: str) -> int:
        """Remove the runs that began before a time, and give their room back.

        Returns:
            How many they were.
        """
        with self._writing():
            count = self._connection.execute("DELETE FROM runs WHERE started_utc < ?", (before_utc,)).rowcount
            self._connection.execute("DELETE FROM series WHERE id NOT IN (SELECT series FROM figures)")
        if count:
            with self._said():
                self._connection.execute("VACUUM")
        return count

    def count(self) -> int:
        """Return how many runs there are."""
        return int(self._rows("SELECT count(*) FROM runs")[0][0])

    def _series(self, figure: Figure, known: dict[tuple[str, str, str], int]) -> int:
        key = (_storable(figure.name), _storable(figure.part), _storable(figure.unit))
        if key not in known:
            self._connection.execute(
                "INSERT OR IGNORE INTO series (name, part, unit, better) VALUES (?, ?, ?, ?)",
                (*key, figure.better),
            )
            found = "SELECT id FROM series WHERE name = ? AND part = ? AND unit = ?"
            known[key] = int(self._connection.execute(found, key).fetchone()[0])
        return known[key]

    def _figure(self, row: Sequence[Any]) -> dict[str, Any]:
        figure = dict(zip(Figure.__struct_fields__, row, strict=True))
        return figure | {"value": self._finite(figure["value"], figure["name"])}

    def _test(self, row: Sequence[Any]) -> dict[str, Any]:
        test = dict(zip(TestOutcome.__struct_fields__, row, strict=True))
        return test | {"seconds": self._finite(test["seconds"], test["name"])}

    def _finite(self, value: Any, name: Any) -> int | float:
        if isinstance(value, int | float) and math.isfinite(value):
            return value
        raise self._refusal(f"is damaged: what it has for {name} is {value!r}, no number")

    def _kept(self, row: Sequence[Any], **lists: Any) -> KeptRun:
        """Return a run, of which everything is as it is declared: SQLite itself takes any value in any column."""
        number, *values = row
        facts: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
        switches = {name: _SWITCHED.get(facts[name], facts[name]) for name in _SWITCHES}
        try:
            return msgspec.convert({"number": number, "run": {**facts, **switches, **lists}}, KeptRun)
        except msgspec.ValidationError as error:
            raise self._refusal(f"is damaged: run {number}: {error}") from error

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._said():
            return self._connection.execute(sql, [_storable(value) for value in values]).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: whatever ends it early leaves the file as it was."""
        with self._said():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # where no room is left SQLite has taken it back itself
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _refuse_others(self, *, write: bool) -> None:
        try:
            with open_regular(self.path) as file:
                begins = file.read(max(len(_SQLITE), len(_JSON_LINES)))
        except (FileNotFoundError, NotADirectoryError) as error:
            if not write:
                raise ConfigError(
                    f"there is no history {self.path}",
                    hint="`tinysine verify MODEL --history FILE` writes one",
                ) from error
            return
        except OSError as error:
            raise self._refusal(f"cannot be read: {error.strerror or error}") from error
        if begins.startswith(_JSON_LINES):
            other = self.path.with_suffix(".sqlite")
            raise ConfigError(
                f"{self.path} is a history of earlier versions, in lines of JSON",
                hint=f"tinysine history import {self.path} --history {other}, and name that one",
                file=str(self.path),
            )
        if begins and not begins.startswith(_SQLITE):
            raise self._refusal("holds something else; it was left as it is")
        if write and not os.access(self.path, os.W_OK):  # else SQLite says so only when something is added
            raise self._refusal("is read-only")

    def _open(self, *, write: bool) -> sqlite3.Connection:
        if write:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(self.path, error, hint=ANOTHER) from error
            return sqlite3.connect(
                self.path.absolute(), timeout=WAIT_S, isolation_level=None
            )  # a file of any name
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # In a folder that cannot be written SQLite may not share the file; nobody changes it there.
            connection.close()
            connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, *, write: bool) -> None:
        self._connection.execute("PRAGMA foreign_keys = ON")
        version, owner = self._number("user_version"), self._number("application_id")
        if version > VERSION and owner == APPLICATION_ID:
            raise ConfigError(
                f"{self.path} is a history of version {version}, and this tinysine knows {VERSION}",
                hint="use the version of tinysine that wrote it, or a later one",
                file=str(self.path),
            )
        is_empty = not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not (is_empty or owner == APPLICATION_ID):
            raise self._refusal("is a database of something else; it was left as it is")
        if not write:
            if is_empty:
                raise self._refusal("is empty")
            self._show_as_today()
            return
        self._share()
        if version < VERSION:
            self._bring_forward()

    def _show_as_today(self) -> None:
        """Give the columns that an older file lacks their defaults, in a view of this connection: the file stays."""
        has = {row[1] for row in self._connection.execute("PRAGMA main.table_info(runs)")}
        if lacks := [name for name in COLUMNS if name not in has]:
            columns = ", ".join(f"'' AS \"{name}\"" for name in lacks)
            self._connection.execute(f"CREATE TEMP VIEW runs AS SELECT *, {columns} FROM main.runs")

    def _share(self) -> None:
        """Let readers read while one program writes: a write-ahead log, where the file system can have one."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:  # changing the mode does not wait for other programs by itself
                self._connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self._connection.execute("PRAGMA synchronous = FULL")

    def _bring_forward(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for step in STEPS[self._number("user_version") :]:  # asked again: somebody may have been quicker
                for statement in step.split(";"):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _number(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except (
            sqlite3.Error,
            UnicodeDecodeError,
        ) as error:  # words of a damaged file are in SQLite's own, too
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error | UnicodeDecodeError) -> TinysineError:
        said, facts = str(error), {"file": str(self.path)}
        if "full" in said or ("I/O" in said and has_no_room(self.path.parent)):
            return BenchError(f"{self.path} cannot be written: {said}", hint=FREE_SOME, **facts)
        if "locked" in said or "busy" in said:
            return BenchError(
                f"the history {self.path} is locked by another program for more than {WAIT_S:g} s",
                hint="end that program, or try again",
                **facts,
            )
        return self._refusal(f"cannot be used: {said}")

    def _refusal(self, what: str) -> ConfigError:
        return ConfigError(f"the history file {self.path} {what}", hint=ANOTHER, file=str(self.path))


def _conditions(
    *,
    where: Mapping[str, Any],
    before: int | None = None,
    after: int | None = None,
    of: str = "",
    like: HistoryRun | None = None,
) -> tuple[str, list[Any]]:
    """Return the WHERE of a question about runs, and its values; see `History.runs`."""
    told: list[tuple[str, Any]] = [(f'"{_column(name)}" = ?', value) for name, value in where.items()]
    if like is not None:
        told += [
            (f"\"{name}\" IN (?, '')" if name in UNTOLD else f'"{name}" = ?', getattr(like, name))
            for name in SERIES
        ]
        if like.kind == "hardware" and like.unique_id:
            told.append(("unique_id IN (?, '')", like.unique_id))
        elif like.id:
            told.append(("place IN (?, '')", like.id))
    if of:
        told.append(("? IN (board, place)", of))
    told += [
        (f"number {sign} ?", limit) for sign, limit in (("<", before), (">", after)) if limit is not None
    ]
    conditions = " AND ".join(condition for condition, _ in told)
    return f" WHERE {conditions}" if told else "", [value for _, value in told]


def _storable(value: Any) -> Any:
    """A text as SQLite takes it: what no UTF-8 has, such as in the name of a file, is escaped."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _column(name: str) -> str:
    if name not in COLUMNS:
        raise ValueError(f"no column {name!r}")
    return name
