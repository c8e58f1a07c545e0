"""A process that ends a program when whoever runs that program was killed, and can end nothing any more."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from tinysine.processes import POLL_S, end_with_children, python_command, python_environment, started

_DONE = b"done"


@contextlib.contextmanager
def guarded(pid: int) -> Iterator[None]:
    """Have a program end with this process, however this one ends: also by SIGKILL, or for want of memory.

    Args:
        pid: of the program, which has not been waited for yet.
    Raises:
        OSError: the guard cannot be started.
    """
    # Its standard input ends when nobody holds the other end, which no other program inherits.
    guard = subprocess.Popen(
        python_command("-m", __name__, str(pid), started(pid)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=python_environment(),
        start_new_session=True,  # an interrupt from the keyboard is for this process, which ends its program itself
    )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # a guard that was killed
            guard.communicate(_DONE)


def watch(pid: int, since: str) -> None:
    """Wait for the end of standard input, and end a program unless its end was announced there.

    Args:
        pid: of the program.
        since: when it started, as `started` says it: another program may have its number by then.
    """
    if sys.stdin.buffer.read() == _DONE or started(pid) != since:
        return

    def wait(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while started(pid) == since and time.monotonic() < deadline:
            time.sleep(POLL_S)

    end_with_children(pid, wait)


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2])
