"""Keeping of a run's evidence, report and history; then the command's end, with the verdict's exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from tinysine.commands.gating import history_run
from tinysine.commands.report_kept import write_report
from tinysine.errors import BenchError, ConfigError
from tinysine.whole_files import behind_links

if TYPE_CHECKING:
    from tinysine.evidence import Evidence
    from tinysine.history import Gate


@contextlib.contextmanager
def output_kept(unwritten: list[Exception]) -> Iterator[None]:
    """Show a verdict; what keeps it from being shown is collected, for the verdict's exit code stands."""
    from tinysine.commands.screen import ignore_closed_output, silence_output  # noqa: PLC0415

    try:
        with ignore_closed_output():
            yield
    except OSError as error:
        silence_output()
        unwritten.append(error)


def keep(
    evidence: Evidence,
    json: Path | None,
    unwritten: list[Exception],
    *,
    html: Path | None = None,
    history: Path | None = None,
    model: Path | None = None,
    gates: Iterable[Gate] = (),
    place: str = "",
) -> None:
    """Write evidence where somebody wants it; what keeps it from being written is collected.

    Args:
        evidence: of the run.
        json: file for it.
        unwritten: what went wrong is added here.
        html: file for the report.
        history: file that the run is added to.
        model: the user's file, whose repository has the commit.
        gates: limits that the report shows.
        place: id of the board in the bench file; "" where none was named.
    """
    from tinysine.commands.errors_shown import say_error  # noqa: PLC0415
    from tinysine.commands.screen import silence_output  # noqa: PLC0415
    from tinysine.evidence import write_evidence  # noqa: PLC0415

    def to_file() -> None:
        if json is not None:
            write_evidence(evidence, json)

    def to_report() -> None:
        if html is not None:
            write_report(evidence, html, history=history, model=model, gates=gates, place=place)

    def to_history() -> None:
        if history is not None:
            _add(evidence, history, json=json, model=model, place=place)

    for write in (to_file, to_report, to_history):
        try:
            write()
        except (ConfigError, BenchError, OSError) as error:  # OSError: of standard output
            if isinstance(error, OSError):
                silence_output()
            elif evidence.verdict == "error":
                # What ended the run is said next, and counts for more.
                say_error(error)
            unwritten.append(error)


def open_history(file: Path | None, *, json: Path | None = None) -> None:
    """Find out before the work starts that a history could not be written.

    Args:
        file: of the history.
        json: for the evidence.
    Raises:
        ConfigError, BenchError: it cannot; or the evidence would take its place.
    """
    if file is not None and json is not None and behind_links(file) == behind_links(json):
        raise ConfigError(
            f"{file} is named for the history and for the evidence", hint="name two files", key="history"
        )
    if file is not None:
        from tinysine.history import History  # noqa: PLC0415

        History(file).close()


def _add(evidence: Evidence, history: Path, *, json: Path | None, model: Path | None, place: str) -> None:
    from tinysine.evidence import STDOUT  # noqa: PLC0415
    from tinysine.history import History  # noqa: PLC0415

    where = None if json is None or json == STDOUT else behind_links(json)
    with History(history) as kept:
        kept.add([history_run(evidence, model, file=where, place=place)])


def leave(evidence: Evidence, unwritten: list[Exception]) -> NoReturn:
    """End with the verdict's exit code: a device that is wrong counts for more than what cannot be kept, or shown."""
    from tinysine.commands.errors_shown import show  # noqa: PLC0415

    if unwritten and evidence.verdict == "fail":
        if not isinstance(unwritten[0], BrokenPipeError):  # whoever stopped reading knows
            show(unwritten[0], command="", debug=False)
    elif unwritten:
        raise unwritten[0]
    raise typer.Exit(evidence.exit_code)
