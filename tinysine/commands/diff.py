"""diff: one run held against another, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.commands.history import DEFAULT_HISTORY, HistoryFile, OfBoard
from tinysine.errors import EXIT_PASS, EXIT_PRODUCT_FAILURE

if TYPE_CHECKING:
    from tinysine.history import Change, Difference, HistoryRun, KeptRun

_RUN = (
    "The earlier run: its number in `tinysine history`, last, last-pass, a commit, or a file of evidence "
    "(tinysine verify --json FILE)."
)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_RUN, show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", help="The later run, in the same ways.")] = "last",
    *,
    file: HistoryFile = DEFAULT_HISTORY,
    board: OfBoard = "",
    every: Annotated[
        bool, typer.Option("--all", help="Show equal figures, too.", rich_help_panel="Output")
    ] = False,
) -> None:
    """Compare a run with an earlier one, figure by figure.

    If the model, the engine, the clock or the toolchain changed, some figures cannot be compared. They are shown with
    the reason, and do not count as better or worse.

    \b
    Examples:
      tinysine diff last-pass         the last run against the last pass before it
      tinysine diff 12 15
      tinysine diff monday.json today.json

    \b
    Exit codes:
      0  nothing is worse
      1  a figure is worse or missing, or only the earlier run passed
      2  usage or bad input
    """
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.history import History, choose_run, compare_runs, is_file  # noqa: PLC0415

    are_files = all(is_file(name) for name in (before, after))
    history = None if are_files else History(file, write=False)
    try:
        later = choose_run(after, history=history, board=board)
        earlier = choose_run(before, history=history, board=board, like=later)
    finally:
        if history is not None:
            history.close()
    then, now = _run(earlier), _run(later)
    found = compare_runs(then, now)
    say(f"{_name(later)} against {_name(earlier)}")
    for reason in found.reasons:
        say(f"not judged: {reason}")
    if now.verdict != then.verdict:
        say(f"verdict: {then.verdict} before, {now.verdict} now")
    _show_changes(found, every=every)
    is_worse = bool(found.worse) or (then.verdict == "pass" and now.verdict != "pass")
    raise typer.Exit(EXIT_PRODUCT_FAILURE if is_worse else EXIT_PASS)


def _show_changes(found: Difference, *, every: bool) -> None:
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.history import alone_in_words  # noqa: PLC0415

    differing = [change for change in found.changes if change.judgement != "same"]
    shown = [*found.changes, *found.alone] if every else differing
    if shown:
        rows = [_row(change) for change in shown]
        table("Figures", ("figure", "of", "before", "now", "change", "unit", ""), rows, right=(2, 3, 4))
    if found.alone and not every:
        say(f"{alone_in_words(found)}: --all shows them")
    same = 0 if every else len(found.changes) - len(differing)
    gone = sum(change.judgement == "gone" for change in found.worse)
    said = f"{len(found.worse) - gone:,} worse, " + f"{gone:,} gone, " * bool(gone)
    said += f"{sum(change.judgement == 'better' for change in differing):,} better"
    say(f"{said}, {same:,} the same" if same else said)


def _run(chosen: KeptRun | HistoryRun) -> HistoryRun:
    from tinysine.history import KeptRun  # noqa: PLC0415

    return chosen.run if isinstance(chosen, KeptRun) else chosen


def _name(chosen: KeptRun | HistoryRun) -> str:
    run = _run(chosen)
    number = getattr(chosen, "number", None)
    return f"{run.title} of {run.started_utc[:16].replace('T', ' ')}" + (f" (run {number})" if number else "")


def _row(change: Change) -> tuple[str, ...]:
    from tinysine.history import shown_percent, shown_value  # noqa: PLC0415

    values = ("" if value is None else shown_value(value) for value in (change.before, change.after))
    return (change.name, change.part, *values, shown_percent(change.percent), change.unit, change.judgement)
