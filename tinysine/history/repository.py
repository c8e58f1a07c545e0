"""The commit that a file of the user's belongs to, where it is in a Git repository."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinysine.processes import run_program

_WAIT_S = 10.0
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Commit:
    """A commit, and whether files of the repository differ from it.

    Attributes:
        sha: 40 or 64 hexadecimal digits.
        changed: tracked files were changed since.
    """

    sha: str
    changed: bool


def commit_of(file: Path) -> Commit | None:
    """Return the commit that is checked out where a file is; None outside a repository, and without Git."""
    folder = file.resolve().parent
    sha = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not sha:
        return None
    state = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(sha.strip(), changed=bool(state is None or state.strip()))


def commits_between(file: Path, first: str, last: str) -> list[str]:
    """Return the commits after one up to another, the latest first, each as "abc1234 its subject".

    Args:
        file: in the repository.
        first, last: their SHAs; such as the last run that passed and the first that failed.
    Returns:
        [] where Git does not know them.
    """
    if not (
        _SHA.fullmatch(first) and _SHA.fullmatch(last)
    ):  # of a history: git takes nothing else from there
        return []
    told = _git(file.resolve().parent, "log", "--format=%h %s", f"{first}..{last}", "--")
    return told.splitlines() if told else []


def _git(folder: Path, *arguments: str) -> str | None:
    if shutil.which("git") is None:
        return None
    command: Sequence[str] = ("git", "-C", str(folder), *arguments)
    done = run_program(command, timeout_s=_WAIT_S)
    return done.output if done.exit_code == 0 else None
