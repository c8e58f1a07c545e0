"""history: what was measured, from run to run."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinysine.commands.completion import complete_board
from tinysine.errors import ConfigError
from tinysine.settings import HISTORY

if TYPE_CHECKING:
    from tinysine.history import History, HistoryRun, KeptRun

DEFAULT_HISTORY = Path("history.sqlite")
FORMER_HISTORY = "history.jsonl"  # of earlier versions
HistoryFile = Annotated[
    Path,
    typer.Option(
        "--history",
        metavar="FILE",
        help="File of the history.",
        envvar=HISTORY.variable,
        rich_help_panel="History",
    ),
]
OfBoard = Annotated[
    str,
    typer.Option(
        "--only",
        metavar="BOARD",
        help="Only runs of this board, by its id in a bench file or its name in the catalogue.",
        autocompletion=complete_board,
        show_default=False,
        rich_help_panel="History",
    ),
]
_SHOWN = ("latency.median", "memory.flash_bytes", "memory.stack_bytes", "memory.arena_bytes")
_HEADINGS = ("run", "began", "board", "kind", "verdict", "model", "latency", "flash", "stack", "arena")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}){0,2}.*)?", re.ASCII)


class Action(StrEnum):
    """Action on a history."""

    LIST = "list"
    SHOW = "show"
    EXPORT = "export"
    PRUNE = "prune"
    IMPORT = "import"


def history(
    action: Annotated[
        Action,
        typer.Argument(
            metavar="ACTION",
            help="list; show RUN; export FILE (.json or .csv); prune DATE: remove older runs; "
            "import FILE: add a history.jsonl of earlier versions.",
        ),
    ] = Action.LIST,
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE|DATE", help="Run, file or date that the action needs.", show_default=False
        ),
    ] = "",
    *,
    file: HistoryFile = DEFAULT_HISTORY,
    board: OfBoard = "",
    most: Annotated[
        int, typer.Option("--most", "-n", metavar="N", min=1, help="Runs to list.", rich_help_panel="History")
    ] = 20,
) -> None:
    """Show, export or shorten the history of runs.

    \b
    Examples:
      tinysine history                         the last runs
      tinysine history show 12                 everything that is kept of run 12
      tinysine history export figures.csv
      tinysine history prune 2026-01-01        remove the runs before this date
      tinysine history import history.jsonl    add runs of an earlier version
    """
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.history import History, read_lines  # noqa: PLC0415

    needs = {Action.SHOW: "RUN", Action.EXPORT: "FILE", Action.PRUNE: "DATE", Action.IMPORT: "FILE"}
    if action in needs and not what:
        raise ConfigError(
            f"history {action} what?", hint=f"tinysine history {action} {needs[action]}", key="action"
        )
    if action is Action.IMPORT:
        runs, passed_over = read_lines(Path(what))
        with History(file) as kept:
            numbers = kept.add(runs)
        said = f"; {passed_over:,} lines that are none were passed over" if passed_over else ""
        say(f"{file}: {len(numbers):,} runs added{said}")
    elif action is Action.PRUNE:
        with History(file) as kept:
            say(f"{file}: {kept.remove(before_utc=_time(what)):,} runs removed, {kept.count():,} left")
    else:
        with History(file, write=False) as kept:
            if action is Action.LIST:
                _list(kept, board=board, most=most)
            elif action is Action.SHOW:
                _show(kept, what, board=board)
            else:
                _export(kept, Path(what), board=board)


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ConfigError(f"{text!r} is no date", hint="such as 2026-01-31", key="action")
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.isoformat(timespec="milliseconds")[:23]
    except ValueError as error:
        raise ConfigError(f"{text!r} is no date: {error}", hint="such as 2026-01-31", key="action") from error


def _list(kept: History, *, board: str, most: int) -> None:
    from tinysine.commands.screen import say, table  # noqa: PLC0415

    rows = []
    for run in kept.runs(most=most, of=board):
        whole = kept.run(run.number)
        if whole is not None:
            rows.append(_row(whole))
    table(f"{kept.path}", _HEADINGS, rows, right=(0, *range(6, 10)))
    if not rows:
        say(f"{kept.path} has no run" + (f" of {board}" if board else ""))


def _row(kept: KeptRun) -> tuple[str, ...]:
    from tinysine.history import shown_value  # noqa: PLC0415

    run = kept.run
    latency, *sizes = map(run.figure, _SHOWN)
    return (
        str(kept.number),
        run.started_utc[:16].replace("T", " "),
        run.title,
        run.kind,
        "pass, flaky" if run.verdict == "pass" and run.flaky else run.verdict,
        run.model_sha256[:8],
        "" if latency is None else f"{shown_value(latency.value)} {latency.unit}",
        *("" if size is None else shown_value(size.value) for size in sizes),
    )


def _show(kept: History, name: str, *, board: str) -> None:
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.history import KeptRun, choose_run, shown_value  # noqa: PLC0415

    chosen = choose_run(name, history=kept, board=board)
    run = chosen.run if isinstance(chosen, KeptRun) else chosen
    facts = [("run", str(chosen.number))] if isinstance(chosen, KeptRun) else []
    facts += [(field, _shown_fact(value)) for field, value in _facts(run).items() if value]
    table("The run", ("fact", "value"), facts)
    if run.figures:
        table(
            "Its figures",
            ("figure", "of", "value", "unit"),
            [(figure.name, figure.part, shown_value(figure.value), figure.unit) for figure in run.figures],
            right=(2,),
        )
    else:
        say("nothing was measured in this run")
    if run.tests:
        tests = [(test.name, test.verdict, f"{test.seconds:.2f}", test.reason) for test in run.tests]
        table("Its tests", ("test", "verdict", "seconds", "reason"), tests, right=(2,))


def _facts(run: HistoryRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in run.__struct_fields__ if name not in ("figures", "tests")}


def _shown_fact(value: object) -> str:
    return "yes" if value is True else str(value)


def _export(kept: History, file: Path, *, board: str) -> None:
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.record import to_json  # noqa: PLC0415
    from tinysine.whole_files import write_whole  # noqa: PLC0415

    if file.suffix not in (".csv", ".json"):
        raise ConfigError(
            f"{file} names no format", hint="a name that ends in .json or .csv", key="action", file=str(file)
        )
    if file.exists() and file.samefile(kept.path):
        raise ConfigError(f"{file} is the history itself", hint="name another file", file=str(file))
    runs = [whole for run in reversed(kept.runs(of=board)) if (whole := kept.run(run.number)) is not None]
    if file.suffix == ".json":
        document = {"schema": "tinysine.runs/1", "runs": [to_json(run) for run in runs]}
        content = json.dumps(document, indent=2) + "\n"
    else:
        content = _csv(runs)
    write_whole(file, content.encode(errors="backslashreplace"))
    say(f"wrote {file}: {len(runs):,} runs")


def _csv(runs: list[KeptRun]) -> str:
    """A row for each figure, the facts of its run before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heading = True
    for kept in runs:
        facts = _facts(kept.run)
        if heading:
            writer.writerow(("run", *facts, "figure", "part", "value", "unit"))
            heading = False
        for figure in kept.run.figures:
            row = (kept.number, *facts.values(), figure.name, figure.part, figure.value, figure.unit)
            writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
