"""The `tinysine` command."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

EXIT_INTERRUPTED = 130  # as tinysine.errors has it, which is not loaded yet when a signal may come
# Objects. Modules make many of them, none is garbage, and each collection looks at all.
_COLLECT_EVERY = 50_000
# numpy starts a thread for each core when it is loaded. They cost 0.1 s of processor time, and no command multiplies
# large matrices of floats.
_NUMPY_THREADS = ("OPENBLAS_NUM_THREADS", "1")
_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C. `python -m` ends itself by SIGINT if a KeyboardInterrupt, and no subclass, once came out of an `exec`.

    Modules are full of those: every dataclass is made by one. The exit code would be lost, although all is handled.
    """


class _Signals:
    """Ctrl-C, SIGTERM of a cancelled CI job, and SIGHUP of a terminal that goes: all end the program in order.

    While it is loaded they are held, until evidence of an earlier run is put aside: loading takes a second, and the
    earlier run's verdict must not outlive a run that was to replace it. A second signal is not held.
    """

    def __init__(self) -> None:
        self._held: int | None = None
        self._released = False
        for number in _SIGNALS:
            # A shell has its background jobs ignore SIGINT, and nohup has SIGHUP ignored.
            if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._come)

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if not self._released and self._held is None:
            self._held = number
            return
        _end(number)

    def release(self) -> None:
        """Act on the signal that was held, and from now on at once."""
        self._released = True
        if self._held is not None:
            _end(self._held)


def _end(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise _Interrupted
    raise SystemExit(128 + number)


def main() -> NoReturn:
    """Run the command line and exit."""
    signals = _Signals()
    gc.set_threshold(_COLLECT_EVERY)
    os.environ.setdefault(*_NUMPY_THREADS)
    try:
        _have_streams()
        # Imported under the handlers: Ctrl-C is no traceback, however early it comes.
        from tinysine.commands.app import run_app  # noqa: PLC0415

        code = run_app(sys.argv[1:], on_ready=signals.release)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        print("interrupted", file=sys.stderr)
    sys.exit(code)


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
