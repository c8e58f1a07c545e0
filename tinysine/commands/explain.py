"""explain: what an error may come from, and what helps; what a word of the verdict means."""

from __future__ import annotations

from typing import Annotated

import typer

from tinysine.commands.completion import complete_error
from tinysine.commands.screen import ignore_closed_output, say, table

ErrorName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="Name of an error, from the end of its message, or a word of a verdict; without it, all are listed.",
        autocompletion=complete_error,
        show_default=False,
    ),
]


def explain(name: ErrorName = None) -> None:
    """Show what can cause an error, or what a word of a verdict means.

    \b
    Examples:
      tinysine explain
      tinysine explain PortUnavailable
      tinysine explain against
    """
    from tinysine.commands.verdict_words import WORDS  # noqa: PLC0415
    from tinysine.errors import CAUSES, unknown_name  # noqa: PLC0415
    from tinysine.remedies import REMEDIES, meaning_of  # noqa: PLC0415

    kinds = {kind.__name__: kind for kind in REMEDIES}
    with ignore_closed_output():
        if name is None:
            table("errors", ("error", "meaning"), [(kind, meaning_of(kinds[kind])) for kind in kinds])
            table("words of a verdict", ("word", "meaning"), [*WORDS.items()])
            return
        if name.lower() in WORDS:
            say(f"{name.lower()}: {WORDS[name.lower()]}")
            return
        kind = {known.lower(): kind for known, kind in kinds.items()}.get(name.lower())
        if kind is None:
            raise unknown_name(f"there is no error and no word {name!r}", name, [*kinds, *WORDS], key="name")
        ending = next(cause.sentence for cause in CAUSES if cause.exit_code == kind.exit_code)
        say(f"{kind.__name__}: {meaning_of(kind)}")
        say(f"exit code {kind.exit_code}: {ending}")
        for remedy in REMEDIES[kind]:
            say(f"- {remedy.cause}.")
            say(f"  try: {remedy.cure}")
