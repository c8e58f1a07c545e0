"""Names of runs as people type them: a number, `last`, `last-pass`, a commit, or a file of evidence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tinysine.errors import ConfigError
from tinysine.evidence.reading import read_evidence
from tinysine.history.from_evidence import run_of
from tinysine.history.records import SERIES, UNTOLD, HistoryRun, KeptRun
from tinysine.history.store import History

LAST, LAST_PASS = "last", "last-pass"
HOW = "a number of `tinysine history list`, last, last-pass, a commit, or a file of evidence"
_NEAR = 20  # runs among which the one that is most like another is looked for
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
        if name not in (LAST, LAST_PASS):
            raise ConfigError(f"{history.path} has no run {name}{of}", hint=HOW, key=name)
        what = "pass" if name == LAST_PASS else "run"
        than = ""
        if (series := where.pop("like", None)) is not None:
            than = " before the other one"
            if others := history.runs(most=_NEAR, **where):
                other = min(
                    others, key=lambda kept: (kept.run.board != series.board, len(_unlike(kept.run, series)))
                )
                later = like.number if isinstance(like, KeptRun) else "FILE"
                differs = ", ".join(_unlike(other.run, series)) or "another place"
                raise ConfigError(
                    f"{history.path} has no {what}{of}{than} that was made in the same way: run {other.number} has "
                    f"{differs}",
                    hint=f"`tinysine diff {other.number} {later} --history {history.path}` compares with it anyway",
                    key=name,
                )
        hint = (
            f"a first run that passes, then another one, both with --history {history.path}"
            if name == LAST_PASS
            else f"`tinysine verify MODEL --history {history.path}` adds one"
        )
        raise ConfigError(f"{history.path} has no {what}{of}{than}", hint=hint, key=name)
    whole = history.run(kept[0].number)
    assert whole is not None
    return whole


def _unlike(run: HistoryRun, series: HistoryRun) -> list[str]:
    """Say in what a run is not of the series of another one."""
    return [
        f"{key} {theirs!r}, not {ours!r}"
        for key in SERIES
        if (theirs := getattr(run, key)) != (ours := getattr(series, key)) and (theirs or key not in UNTOLD)
    ]
