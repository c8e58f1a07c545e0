"""The cause of a tool's failure, in the tool's own words where it has any, and what helps."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from tinysine.processes import Finished
from tinysine.whole_files import FREE_SOME, has_no_room

_ALLOW_PROGRAMS = (
    "a file that is not executable, or a folder that is mounted noexec: TMPDIR and XDG_CACHE_HOME move it"
)
_MORE_MEMORY = "the computer may have run out of memory; end other programs, and build again"
# Causes that lie with the computer. They go before whatever else was said, which follows from them.
_COMPUTER = (
    (re.compile(r"no space left on|disk quota exceeded", re.IGNORECASE), FREE_SOME),
    (re.compile(r"cannot execute|permission denied", re.IGNORECASE), _ALLOW_PROGRAMS),
    (
        re.compile(r"signal terminated program|out of memory|cannot allocate memory", re.IGNORECASE),
        _MORE_MEMORY,
    ),
    (re.compile(r"error while loading shared libraries", re.IGNORECASE), "install the tool again"),
)
_TELLING = re.compile(
    r"overflowed by|will not fit|undefined (reference|symbol)|multiple definition|cannot find|error\b",
    re.IGNORECASE,
)
# The last word of a driver whose linker or compiler has said why.
_ECHO = re.compile(
    r"ld returned \d+ exit status|linker command failed|compilation terminated|exit status \d+$"
)


def describe_failure(tool: str, done: Finished, folder: Path) -> tuple[str, str]:
    """One line that says why a program failed, and a hint, which may be empty.

    Args:
        tool: its name, for people.
        done: how it ended, by itself or by a signal.
        folder: where it wrote: a program that is killed while it writes there does not say that there was no room.
    """
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    said, hint = find_cause(done.output, _COMPUTER)
    if said:
        return f"{tool} failed: {said}", hint
    code = done.exit_code or 0
    how = (
        f"{tool} was killed by {_signal_name(-code)}" if code < 0 else f"{tool} failed with exit code {code}"
    )
    if has_no_room(folder):
        return f"{how}: no space left in {folder}", FREE_SOME
    telling = [line for line in lines if _TELLING.search(line) and not _ECHO.search(line)]
    said = next(iter(telling), next(iter(lines), ""))[:300]
    hint = _MORE_MEMORY if code == -signal.SIGKILL.value else ""
    return (f"{how}: {said}" if said else how), hint


def find_cause(output: str, causes: Sequence[tuple[re.Pattern[str], str]]) -> tuple[str, str]:
    """Find the first line of a tool's output that names one of some causes, and what helps; "" and "" for none.

    Args:
        output: all that it said.
        causes: what names one, and what helps; those that explain most come first.
    """
    lines = [line.strip() for line in output.splitlines()]
    for cause, hint in causes:
        if said := next((line for line in lines if cause.search(line)), ""):
            return said, hint
    return "", ""


def describe_no_start(tool: str, error: OSError) -> tuple[str, str]:
    """One line for a program that the operating system refuses to start, and a hint, which may be empty."""
    hints = {errno.EACCES: _ALLOW_PROGRAMS, errno.ENOSPC: FREE_SOME, errno.ENOMEM: _MORE_MEMORY}
    return f"{tool} cannot be run: {error}", hints.get(error.errno or 0, "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
