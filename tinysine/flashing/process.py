"""Running a program that somebody else wrote: with a deadline, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinysine.errors import FlashError

GRACE_S = 2.0
POLL_S = 0.2
MOST_OUTPUT = 256 * 1024


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Attributes:
        command: as it was run.
        exit_code: None if it had to be killed, at its deadline or by wish.
        output: what it wrote to standard output and standard error, in order; the end of it if it is long.
        seconds: how long it ran.
    """

    command: tuple[str, ...]
    exit_code: int | None
    output: str
    seconds: float


def run_program(
    command: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Finished:
    """Run a program to its end or to its deadline; then it is killed, and every process that it started.

    Args:
        command: program and arguments; no shell.
        timeout_s: until it must have ended.
        cwd, env: as for subprocess.
        stop: set by another thread to end it before its time.
    Raises:
        OSError: it cannot be started.
    """
    # Its output goes to a file: a pipe would stay open for as long as any grandchild lives.
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
        exit_code: int | None = None
        try:
            exit_code = _wait(process, began + timeout_s, stop)
        finally:
            # Also when this process is interrupted: a flash tool that goes on alone holds the probe.
            if exit_code is None:
                _end_with_children(process)
        seconds = time.monotonic() - began
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - MOST_OUTPUT))
        return Finished(tuple(command), exit_code, log.read().decode(errors="replace"), seconds)


def _wait(process: subprocess.Popen[bytes], deadline: float, stop: threading.Event | None) -> int | None:
    while (rest := deadline - time.monotonic()) > 0 and not (stop and stop.is_set()):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(rest if stop is None else min(rest, POLL_S))
    return None


def run_tool(tool: str, command: Sequence[str], *, timeout_s: float, hint: str = "") -> str:
    """Run a flash tool.

    Args:
        tool: its name in board files.
        command: program and arguments.
        timeout_s: until it must have ended.
        hint: what to try when it fails.
    Returns:
        its output. That the tool was content proves nothing about the board.
    Raises:
        FlashError: it cannot be started, failed, or hung and was killed; facts tool, command, output, exit_code.
    """
    shown = shlex.join(command)
    try:
        done = run_program(command, timeout_s=timeout_s)
    except OSError as error:
        raise FlashError(
            f"{tool} cannot be started: {error.strerror or error}",
            hint=hint or "check that it is installed and may be executed",
            tool=tool,
            command=shown,
            output="",
            exit_code=None,
        ) from error
    if done.exit_code == 0:
        return done.output
    how = f"exit code {done.exit_code}"
    if done.exit_code is None:
        how = f"no end within {timeout_s:g} s, killed"
    raise FlashError(
        f"{tool} failed ({how}){_last_words(done.output)}",
        hint=hint,
        tool=tool,
        command=shown,
        output=done.output,
        exit_code=done.exit_code,
    )


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f": {lines[-1][:200]}" if lines else ", without a word"


def _end_with_children(process: subprocess.Popen[bytes]) -> None:
    family = [process.pid, *_descendants(process.pid)]
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for pid in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        # A process stuck inside the kernel cannot be waited for, only left alone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def _descendants(pid: int) -> list[int]:
    """Children and theirs, also those in sessions of their own; none where there is no /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
    found: list[int] = []
    wave = {pid}
    while wave:
        wave = {child for child, parent in parents.items() if parent in wave}
        found += wave
    return found
