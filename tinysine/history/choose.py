"""Names of runs as people type them: a number, `last`, `last-pass`, a commit, or a file of evidence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tinysine.errors import ConfigError
from tinysine.evidence.reading import read_evidence
from tinysine.history.from_evidence import run_of
from tinysine.history.records import HistoryRun, KeptRun
from tinysine.history.store import History

LAST, LAST_PASS = "last", "last-pass"
HOW = "a number of `tinysine history list`, last, last-pass, a commit, or a file of evidence"
_DIGITS = 19  # of the largest number of a run
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def is_file(name: str) -> bool:
    """Tell whether a name is that of a file, whatever else was typed."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def choose_run(
    name: str, *, history: History | None, board: str = "", like: KeptRun | HistoryRun | None = None
) -> KeptRun | HistoryRun:
    """Return the run that is meant, with its figures.

    Args:
        name: as typed.
        history: to look in; None where there is none, and only files of evidence can be meant.
        board: only runs of it, by its id in a bench file or its name in the catalogue; "" for any.
        like: the run that it is to be held against: it is of the same board, engine and reference, and earlier.
    Raises:
        ConfigError: nothing is meant by it; fact `key`.
    """
    if is_file(name):
        return run_of(read_evidence(Path(name)), evidence=Path(name))
    if history is None:
        raise ConfigError(f"{name} is no file of evidence, and there is no history", hint=HOW, key=name)
    number = int(name) if name.isascii() and name.isdecimal() and len(name) < _DIGITS else None
    if number is not None and (found := history.run(number)) is not None:
        return found
    where: dict[str, Any] = {"of": board}
    if like is not None:
        where["like"] = like.run if isinstance(like, KeptRun) else like
        where["before"] = like.number if isinstance(like, KeptRun) else None
    if name in (LAST, LAST_PASS):
        if name == LAST_PASS:
            where["verdict"] = "pass"
        kept = history.runs(most=1, **where)
    elif _COMMIT.fullmatch(name):
        kept = [kept for kept in history.runs(**where) if kept.run.commit.startswith(name)][:1]
    else:
        kept = []
    if not kept:
        of = f" of {board}" if board else ""
        if name == LAST_PASS:
            than = (
                ""
                if like is None
                else " that is earlier than the other run and of its board, engine and reference"
            )
            hint = f"a first run that passes, then another one, both with --history {history.path}"
            raise ConfigError(f"{history.path} has no pass{of}{than}", hint=hint, key=name)
        if name == LAST:
            than = "" if like is None else ", of its board, engine and reference, before the other one"
            hint = f"`tinysine verify MODEL --history {history.path}` adds one"
            raise ConfigError(f"{history.path} has no run{of}{than}", hint=hint, key=name)
        raise ConfigError(f"{history.path} has no run {name}{of}", hint=HOW, key=name)
    whole = history.run(kept[0].number)
    assert whole is not None
    return whole
