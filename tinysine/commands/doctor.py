"""doctor: whether this computer can build, emulate, flash and talk to boards, and how to mend what cannot."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer

from tinysine.commands import options
from tinysine.commands.doctor_checks import Check, all_checks
from tinysine.errors import EXIT_BENCH_FAILURE
from tinysine.settings import (
    TIMEOUT,
)

EndToEnd = Annotated[
    bool,
    typer.Option(
        "--boards/--no-boards",
        help="Boot every board's twin and check its answers; identify the attached boards.",
        show_default=True,
    ),
]


def doctor(
    *,
    boards: EndToEnd = True,
    timeout: options.Timeout = TIMEOUT.start,
    json: options.AsJson = False,
) -> None:
    """Check tools, permissions and every board, and say how to fix them.

    Exit code 3 means that something is missing that `tinysine verify` needs.

    \b
    Examples:
      tinysine doctor
      tinysine doctor --no-boards       only what is installed
    """
    from tinysine.commands.screen import Progress, say, say_lines  # noqa: PLC0415

    with Progress(lines=True) as progress:
        checks = all_checks(progress.stage)
    if not json:
        _show("What tinysine uses", checks)
        say("Emulated boards need no flash tool; a board on the desk needs one of those that name it.")
    tried: list[Check] = []
    attached: list[Check] = []
    if boards:
        from tinysine.commands.doctor_boards import attached_checks, board_checks  # noqa: PLC0415

        with Progress(lines=True) as progress:
            tried = board_checks(timeout_s=timeout, on_begin=progress.begin, on_end=progress.end)
            with progress.stage("attached boards"):
                attached = attached_checks(timeout_s=timeout)
    missing = [check for check in (*checks, *tried) if check.required and not check.found]
    if json:
        document = {
            "ok": not missing,
            "checks": [asdict(check) for check in checks],
            "boards": [asdict(check) for check in tried],
            "attached": [asdict(check) for check in attached],
        }
        say_lines(json_module.dumps(document, indent=2))
    else:
        if tried:
            _show("Boards, each built, booted and asked everything", tried)
        if attached:
            _show("Attached, each asked who it is", attached)
        say(
            f"{len(missing)} missing that `tinysine verify` needs: {', '.join(c.name for c in missing)}"
            if missing
            else "Everything that `tinysine verify` needs is there."
        )
    if missing:
        raise typer.Exit(EXIT_BENCH_FAILURE)


def _show(title: str, checks: list[Check]) -> None:
    from tinysine.commands.screen import say, table  # noqa: PLC0415

    rows = [
        (check.name, check.found or ("MISSING" if check.required else "not there"), check.need)
        for check in checks
    ]
    table(title, ["", "found", "for"], rows)
    # Below the table and unwrapped: a fix is there to be copied.
    for check in checks:
        if not check.found and check.fix:
            say(f"{check.name}: {check.fix}")
