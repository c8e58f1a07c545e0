"""A gate that broke, in words: the figure, the board, the first bad run, and the commits since the last pass."""

from __future__ import annotations

from pathlib import Path

from tinysine.history.gates import GateResult
from tinysine.history.records import HistoryRun
from tinysine.history.repository import commits_between

MOST_COMMITS = 5  # that are named


def broken(result: GateResult, run: HistoryRun, model: Path) -> str:
    """Say what broke a gate.

    Args:
        result: of the gate.
        run: that was judged.
        model: the user's file, whose repository has the commits.
    """
    said = f"{result.gate.text!r} does not hold: {result.reason}"
    first = result.first_bad
    if result.base is None:
        return said
    if first is not None:
        said += f"; first in run {first.number} of {first.run.started_utc[:16].replace('T', ' ')}"
    since, until = result.base.run.commit, (first.run if first is not None else run).commit
    if since and until and since != until:
        commits = commits_between(model, since, until)
        more = f" and {len(commits) - MOST_COMMITS} more" if len(commits) > MOST_COMMITS else ""
        said += f"; commits since: {', '.join(commits[:MOST_COMMITS]) or f'{since[:12]}..{until[:12]}'}{more}"
    elif since and since == until:
        said += f"; at the same commit {since[:12]}" + (", with changed files" if run.changed else "")
    return said
