"""The `tinysine` command."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import NoReturn

from tinysine.errors import EXIT_INTERRUPTED

HANGUP = getattr(signal, "SIGHUP", None)  # there is none on Windows


def main() -> NoReturn:
    """Run the command line and exit."""
    # A cancelled CI job sends SIGTERM, a terminal that goes SIGHUP: what was found is kept, what was started ended.
    signal.signal(signal.SIGTERM, _ended)
    if HANGUP is not None and signal.getsignal(HANGUP) is signal.SIG_DFL:  # nohup has it ignored
        signal.signal(HANGUP, _ended)
    try:
        _have_streams()
        # Imported under the handlers: Ctrl-C is no traceback, however early it comes.
        from tinysine.commands.app import run_app  # noqa: PLC0415

        code = run_app(sys.argv[1:])
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        print("interrupted", file=sys.stderr)
    sys.exit(code)


def _ended(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _have_streams() -> None:
    """Make sure that a verdict can be printed: into closed streams, and in an encoding without its characters."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # as long as the process
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            with contextlib.suppress(OSError):
                stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
