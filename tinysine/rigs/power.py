"""The commands by which a bench file says how the power of a board is switched."""

from __future__ import annotations

from tinysine.errors import BenchError
from tinysine.outside_text import one_line
from tinysine.processes import run_program

POWER_S = 60.0  # for each command


def run_power(command: tuple[str, ...], what: str) -> None:
    """Run one command that switches a board's power.

    Args:
        what: is switched, for messages.
    Raises:
        BenchError: it cannot be started, fails or hangs.
    """
    hint = "see `power` of this board in the bench file"
    try:
        done = run_program(command, timeout_s=POWER_S)
    except OSError as error:
        raise BenchError(
            f"{what} cannot be switched: {command[0]}: {error.strerror or error}", hint=hint
        ) from error
    if done.exit_code == 0:
        return
    said = [line for line in done.output.splitlines() if line.strip()]
    why = (
        f"exit code {done.exit_code}"
        if done.exit_code is not None
        else f"no end within {POWER_S:g} s: killed"
    )
    raise BenchError(
        f"{what} was not switched: {command[0]}: {why}{': ' + one_line(said[-1])[:200] if said else ''}",
        hint=hint,
    )
