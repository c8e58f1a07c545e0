"""Boards that a night has found dead are left alone for a while, and said to be so; then they are tested again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from tinysine.bench.night import BoardNight, Job, Part, Plan
from tinysine.errors import BENCH, ConfigError
from tinysine.outside_json import read_json_file
from tinysine.whole_files import write_whole

SCHEMA = "tinysine.quarantine/1"
FILE = "quarantine.json"  # beside the history
LOCK_S = 30.0  # for another night to write its own boards


def read_quarantine(file: Path) -> dict[str, tuple[datetime, str]]:
    """Read until when each board is quarantined, and why, by its name; no board is where there is no file.

    Raises:
        ConfigError: it holds something else.
    """
    if not file.exists():
        return {}
    try:
        told = read_json_file(file)
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']!r}")
        return {
            str(label): (_time(row["until_utc"]), str(row["reason"])) for label, row in told["boards"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{file} is no list of quarantined boards: {error}",
            hint="delete it: every board is tested then",
            file=str(file),
        ) from error


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def leave_out(plan: Plan, quarantined: dict[str, tuple[datetime, str]], now: datetime) -> Plan:
    """Leave out the boards whose quarantine lasts: each fails the bench, and is not touched."""
    kept, out = [], []
    for job in plan.jobs:
        until, reason = quarantined.get(_name_of(job), (now, ""))
        if until <= now:
            kept.append(job)
            continue
        why = f"quarantined until {until:%Y-%m-%d %H:%M} UTC: {reason}"
        out.append(BoardNight(job, "quarantined", (Part("quarantine", BENCH, why),)))
    return Plan(tuple(kept), (*plan.missing, *out))


def _name_of(job: Job) -> str:
    """Return the name under which a board is kept: its id in the bench file, else a real board's label.

    A twin without an id has none: it is made anew each night, and its label may be that of a real board.
    """
    return job.place or (job.label if job.port else "")


def write_quarantine(file: Path, nights: Sequence[BoardNight], *, now: datetime, hours: float) -> None:
    """Quarantine the boards that the bench has failed in this night; those of earlier nights stay until their time.

    Nights that end at the same time write one after the other: none loses another's boards.

    Raises:
        ConfigError: the file cannot be read or written, or another process keeps it locked.
    """
    try:
        with FileLock(file.with_name(f"{file.name}.lock"), timeout=LOCK_S):
            _add(file, nights, now=now, hours=hours)
    except Timeout as error:
        raise ConfigError(
            f"{file} is locked by another process for {LOCK_S:g} s",
            hint="end that process; the boards that failed in this night are not in the list",
            file=str(file),
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be locked: {error.strerror or error}", file=str(file)) from error


def _add(file: Path, nights: Sequence[BoardNight], *, now: datetime, hours: float) -> None:
    boards = {label: row for label, row in read_quarantine(file).items() if row[0] > now}
    for night in nights:
        failed = [part for part in night.parts if part.failed_at_board]
        name = _name_of(night.job)
        if failed and night.verdict == "error" and name:
            boards[name] = (now + timedelta(hours=hours), f"{failed[0].name}: {failed[0].reason}")
    rows = {
        label: {"until_utc": until.isoformat(timespec="seconds"), "reason": reason}
        for label, (until, reason) in boards.items()
    }
    write_whole(file, (json.dumps({"schema": SCHEMA, "boards": rows}, indent=2) + "\n").encode())
