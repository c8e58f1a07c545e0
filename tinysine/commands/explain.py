"""explain: what an error may come from, and what helps."""

from __future__ import annotations

from typing import Annotated

import typer

from tinysine.commands.completion import complete_error
from tinysine.commands.screen import ignore_closed_output, say, table

ErrorName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="Name of an error, as at the end of its message; without it all errors are listed.",
        autocompletion=complete_error,
        show_default=False,
    ),
]


def explain(name: ErrorName = None) -> None:
    """Say what an error may come from, and what helps.

    \b
    Examples:
      tinysine explain
      tinysine explain PortUnavailable
    """
    from tinysine.errors import CAUSES, unknown_name  # noqa: PLC0415
    from tinysine.remedies import REMEDIES, meaning_of  # noqa: PLC0415

    kinds = {kind.__name__: kind for kind in REMEDIES}
    with ignore_closed_output():
        if name is None:
            table("errors", ("name", "meaning"), [(kind, meaning_of(kinds[kind])) for kind in kinds])
            return
        kind = {known.lower(): kind for known, kind in kinds.items()}.get(name.lower())
        if kind is None:
            raise unknown_name(f"there is no error {name!r}", name, kinds, key="name")
        ending = next(cause.sentence for cause in CAUSES if cause.exit_code == kind.exit_code)
        say(f"{kind.__name__}: {meaning_of(kind)}")
        say(f"exit code {kind.exit_code}: {ending}")
        for remedy in REMEDIES[kind]:
            say(f"- {remedy.cause}.")
            say(f"  try: {remedy.cure}")
