"""Running a flash tool, and telling why it failed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tinysine.errors import FlashError
from tinysine.processes import run_program


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
