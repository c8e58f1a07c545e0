"""Other processes: a program that somebody else wrote, run with a deadline; and who is alive on this computer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE_S = 2.0
POLL_S = 0.2
MOST_OUTPUT = 256 * 1024
_PROC = Path("/proc")


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


def started(pid: int) -> str:
    """When a process started, in the system's own count; "" if it is not there, or has ended and was not waited for.

    A number that was used anew has another time. Without /proc: "alive" for any process.
    """
    if not _PROC.exists():
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return ""
        except PermissionError:
            return "alive"
        return "alive"
    fields = _stat(_PROC / str(pid) / "stat")
    return "" if not fields or fields[0] == "Z" else fields[19]


def _descendants(pid: int) -> list[int]:
    """Children and theirs, also those in sessions of their own; none where there is no /proc."""
    parents = {int(stat.parent.name): _stat(stat) for stat in _PROC.glob("[0-9]*/stat")}
    found: list[int] = []
    wave = {pid}
    while wave:
        wave = {child for child, fields in parents.items() if fields and int(fields[1]) in wave}
        found += wave
    return found


def _stat(path: Path) -> list[str]:
    """State, parent and what follows (man 5 proc); empty when the process is gone. A name may hold anything."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
