"""The `tinysine` command."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM


def main() -> NoReturn:
    """Run the command line and exit."""
    # A cancelled CI job sends SIGTERM: an emulator that was started has to go then, too.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        # Imported under the handlers: Ctrl-C is no traceback, however early it comes.
        from tinysine.commands.app import run_app  # noqa: PLC0415

        code = run_app(sys.argv[1:])
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        print("interrupted", file=sys.stderr)
    sys.exit(code)


def _terminated(_number: int, _frame: object) -> None:
    raise SystemExit(EXIT_TERMINATED)


if __name__ == "__main__":
    main()
