"""A process that ends programs when whoever runs them was killed, and can end nothing any more."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from tinysine.processes import POLL_S, end_with_children, python_command, python_environment, started


class Guard:
    """Ends programs with this process, however this one ends: also by SIGKILL, or for want of memory.

    One process, started with the first program, watches over all of them. It is a context manager: leaving it ends
    that process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._programs: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Return the guard; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        with self._lock:
            self._leave()

    @contextlib.contextmanager
    def over(self, pid: int) -> Iterator[None]:
        """Watch over a program while this lasts.

        Args:
            pid: of the program, which has not been waited for yet.
        Raises:
            OSError: the guard cannot be started.
        """
        with self._lock:
            self._programs[pid] = started(pid)
            try:
                self._tell()
            except OSError:
                del self._programs[pid]
                raise
        try:
            yield
        finally:
            with self._lock:
                del self._programs[pid]
                # Where the guard was killed: the next program has a new one.
                with contextlib.suppress(OSError):
                    self._say()

    def _tell(self) -> None:
        """Tell the guard about its programs; start it first where there is none that lives."""
        if self._process is not None:
            try:
                self._say()
            except OSError:  # it was killed
                self._leave()
            else:
                return
        # Its standard input ends when nobody holds the other end, which no other program inherits.
        self._process = subprocess.Popen(
            python_command("-m", __name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=python_environment(),
            text=True,
            start_new_session=True,  # an interrupt from the keyboard is for this process, which ends its programs
        )
        self._say()

    def _say(self) -> None:
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            raise BrokenPipeError("there is no guard")
        process.stdin.write(" ".join(f"{pid}:{since}" for pid, since in self._programs.items()) + "\n")
        process.stdin.flush()

    def _leave(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):  # a guard that was killed
                process.communicate()


def watch(lines: Iterable[str]) -> None:
    """Wait for the end of what a `Guard` says, and end the programs that it named last.

    Args:
        lines: each has all programs of that moment: number and start, which `started` gave. Another program may have
            its number by then.
    """
    last = ""
    for line in lines:
        if line.endswith("\n"):  # whole: who wrote it may have been killed in the middle
            last = line
    programs = [program.partition(":") for program in last.split()]
    threads = [threading.Thread(target=_end, args=(int(pid), since)) for pid, _, since in programs]
    for thread in threads:
        thread.start()


def _end(pid: int, since: str) -> None:
    if not since or started(pid) != since:
        return

    def wait(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while started(pid) == since and time.monotonic() < deadline:
            time.sleep(POLL_S)

    end_with_children(pid, wait)


if __name__ == "__main__":
    watch(sys.stdin)
