"""Running a flash tool, and telling why it failed."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Sequence

from tinysine.errors import FlashError
from tinysine.image.tool_failure import find_cause
from tinysine.processes import run_program
from tinysine.whole_files import FREE_SOME

# Causes that lie with the computer, in the words of several tools. What is amiss with a board each tool knows best.
_CAUSES = (
    (
        re.compile(
            r"permission denied|access denied|insufficient permissions|LIBUSB_ERROR_ACCESS", re.IGNORECASE
        ),
        "`tinysine doctor --no-boards` prints the command that gives this user access",
    ),
    (
        re.compile(r"resource busy|port is busy|in use by|LIBUSB_ERROR_BUSY", re.IGNORECASE),
        "end the other program that uses the board or its probe, such as a serial monitor or a debugger",
    ),
    (re.compile(r"no space left on|disk quota exceeded", re.IGNORECASE), FREE_SOME),
    (
        re.compile(r"error while loading shared libraries|ModuleNotFoundError", re.IGNORECASE),
        "install the tool again",
    ),
)


def run_tool(
    tool: str,
    command: Sequence[str],
    *,
    timeout_s: float,
    hint: str = "",
    feed: bytes | None = None,
    stop: threading.Event | None = None,
) -> str:
    """Run a flash tool.

    Args:
        tool: its name in board files.
        command: program and arguments.
        timeout_s: until it must have ended.
        hint: what to try when it fails.
        feed, stop: as for `run_program`.
    Returns:
        its output. That the tool was content proves nothing about the board.
    Raises:
        FlashError: it cannot be started, failed, or hung and was killed; facts tool, command, output, exit_code.
    """
    shown = shlex.join(command)
    try:
        done = run_program(command, timeout_s=timeout_s, feed=feed, stop=stop)
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
    said, helps = find_cause(done.output, _CAUSES)
    raise FlashError(
        f"{tool} failed ({how}){f': {said[:200]}' if said else _last_words(done.output)}",
        hint="; ".join(filter(None, (helps, hint))),
        tool=tool,
        command=shown,
        output=done.output,
        exit_code=done.exit_code,
    )


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f": {lines[-1][:200]}" if lines else ", without a word"
