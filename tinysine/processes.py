"""Other processes: a program that somebody else wrote, run with a deadline; and who is alive on this computer."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GRACE_S = 2.0
POLL_S = 0.2
MOST_OUTPUT = 256 * 1024
MOST_ON_DISK = 16 * MOST_OUTPUT
LEFTOVERS_S = 1.0
_PROC = Path("/proc")
_ENDED = ("zombie", "dead")  # as psutil names them
# The variables of Python that say where it and its packages are, and where bytecode goes. The others change what a
# program does or prints: PYTHONIOENCODING, PYTHONINSPECT, PYTHONOPTIMIZE, PYTHONWARNINGS and more.
_KEPT_OF_PYTHON = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONPLATLIBDIR"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)


@dataclass(frozen=True)
class Finished:
    """End of a program.

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


def python_command(*arguments: str) -> list[str]:
    """Return the command that has this Python run code of our own; it goes with `python_environment`.

    Args:
        arguments: such as "-m", a module and its arguments.
    """
    # -P: a numpy.py or a queue.py in the current folder is not meant.
    return [sys.executable, "-P", *arguments]


def python_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a Python that runs code of our own: its output is UTF-8, whatever the user's own are.

    Args:
        variables: of this process.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith("PYTHON") or name in _KEPT_OF_PYTHON
    }
    return {**kept, "PYTHONIOENCODING": "utf-8:backslashreplace"}


def run_program(
    command: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
    feed: bytes | None = None,
    beside: Callable[[int], AbstractContextManager[None]] = lambda _pid: contextlib.nullcontext(),
) -> Finished:
    """Run a program to its end or to its deadline; then it is killed, and every process that it started.

    Of a program that ends by itself, what it started and left running in its own session is ended after a moment. A
    daemon that has gone into a session of its own lives on.

    Args:
        command: program and arguments; no shell.
        timeout_s: until it must have ended.
        cwd, env: as for subprocess.
        stop: set by another thread to end it before its time.
        feed: for its standard input, which then stays open until the program ends; None for no input.
        beside: entered with the program's process id as soon as it runs, and left when it has ended.
    Raises:
        OSError: it cannot be started.
    """
    # Its output goes to a file: a pipe would stay open for as long as any grandchild lives.
    with tempfile.TemporaryFile(buffering=0) as log:
        _append_only(log)
        began = time.monotonic()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
        exit_code: int | None = None

        def end() -> None:
            if exit_code is None and process.returncode is None:
                end_with_children(process.pid, process.wait)

        with contextlib.ExitStack() as ended:
            # Also when this process is interrupted: a flash tool that goes on alone holds the probe.
            ended.callback(end)
            ended.enter_context(_fed(process, feed))
            ended.enter_context(beside(process.pid))
            ended.callback(end)  # before what is beside it is left
            exit_code = _wait(process, log, began + timeout_s, stop)
            if exit_code is not None:
                _end_leftovers(process.pid)
        seconds = time.monotonic() - began
        return Finished(tuple(command), exit_code, _end_of(log).decode(errors="replace"), seconds)


@contextlib.contextmanager
def _fed(process: subprocess.Popen[bytes], feed: bytes | None) -> Iterator[None]:
    """Write to a program's standard input, which is open as long as this lasts."""
    stream = process.stdin
    if feed is None or stream is None:
        yield
        return

    def write() -> None:
        with contextlib.suppress(OSError, ValueError):  # it need not read all
            stream.write(feed)
            stream.flush()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(GRACE_S)
        with contextlib.suppress(OSError):
            stream.close()


def _wait(
    process: subprocess.Popen[bytes], log: IO[bytes], deadline: float, stop: threading.Event | None
) -> int | None:
    with _sleeping_until(process) as sleep:
        while (rest := deadline - time.monotonic()) > 0 and not (stop and stop.is_set()):
            sleep(min(rest, POLL_S))
            if (code := process.poll()) is not None:
                return code
            _trim(log)
    return None


@contextlib.contextmanager
def _sleeping_until(process: subprocess.Popen[bytes]) -> Iterator[Callable[[float], object]]:
    """A function that sleeps for so many seconds, or until a program has ended: at once where the system can say so."""

    def wait(seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)  # it looks every 50 ms

    try:
        ended = os.pidfd_open(process.pid) if sys.platform == "linux" else None
    except (AttributeError, OSError):  # an old system, or no file descriptor left
        ended = None
    if ended is None:
        yield wait
        return
    try:
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        yield lambda seconds: waiting.poll(seconds * 1000)
    finally:
        os.close(ended)


def _append_only(log: IO[bytes]) -> None:
    """Have every writer write at the end, wherever that is by then."""
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415  # there is none on Windows

        fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)


def _trim(log: IO[bytes]) -> None:
    """Keep the end of a log that has grown large while its program still writes: a flood must not fill the disk."""
    if sys.platform != "win32" and os.fstat(log.fileno()).st_size > MOST_ON_DISK:
        end = _end_of(log)
        log.truncate(0)
        os.write(log.fileno(), end)


def _end_of(log: IO[bytes]) -> bytes:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - MOST_OUTPUT))
    return log.read(MOST_OUTPUT)


def _end_leftovers(session: int) -> None:
    """End what a program that has ended left running in its session, if it does not end by itself soon."""
    deadline = time.monotonic() + LEFTOVERS_S
    while left := _members(session):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S / 4)
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE_S
        while (left := _members(session) if left else left) and time.monotonic() < deadline:
            time.sleep(POLL_S / 4)


def end_with_children(pid: int, wait: Callable[[float], object]) -> None:
    """End a program and every process that it started: politely, and by force what has not ended after a while.

    Args:
        pid: of the program, which leads a session.
        wait: for its end, for so many seconds at most; may raise subprocess.TimeoutExpired.
    """
    family = [pid, *descendants(pid)]
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for member in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        # A process stuck inside the kernel cannot be waited for, only left alone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            wait(GRACE_S)


def started(pid: int) -> str:
    """Return the start time of a process, in the system's own count; "" if it does not exist, or is a zombie.

    A number that was used anew has another time. Without /proc: "alive" for any process. psutil gives seconds by the
    calendar, which differ once the computer's clock is set.
    """
    if not _PROC.exists():
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return ""
        except PermissionError:
            return "alive"
        return "alive"
    try:  # state, parent and what follows (man 5 proc); a name may hold anything
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if not fields or fields[0] == "Z" else fields[19]


def descendants(pid: int) -> list[int]:
    """Children and theirs, also those in sessions of their own; none where the process is gone."""
    import psutil  # noqa: PLC0415  # most commands need none

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _members(session: int) -> list[int]:
    """Return the processes of a session that have not ended; none where there are no sessions."""
    import psutil  # noqa: PLC0415

    found = []
    for pid in psutil.pids() if sys.platform != "win32" else ():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == session and psutil.Process(pid).status() not in _ENDED:
                found.append(pid)
    return found
