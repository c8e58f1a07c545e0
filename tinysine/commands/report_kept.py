"""Reports of commands: checked before the work, written after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.commands.gating import history_run
from tinysine.errors import ConfigError, TinysineError
from tinysine.report_file import check_page_writable, write_page
from tinysine.result_files import REPORT_FILE
from tinysine.whole_files import behind_links

if TYPE_CHECKING:
    from tinysine.bench.night import BoardNight
    from tinysine.evidence import Evidence
    from tinysine.history import Gate, History, HistoryRun
    from tinysine.reports import Past


def check_report(html: Path | None, *, others: Iterable[Path | None] = ()) -> None:
    """Find out before the work starts that a report could not be written.

    Args:
        html: file for it; None for no report.
        others: files that the command reads or writes.
    Raises:
        ConfigError: it would take the place of something else, or cannot be written.
    """
    if html is None:
        return
    for other in others:
        if other is not None and behind_links(other) == behind_links(html):
            raise ConfigError(
                f"{html} is named for the report and for something else", hint="name two files", key="html"
            )
    check_page_writable(html)


def write_report(
    evidence: Evidence,
    html: Path,
    *,
    history: Path | None = None,
    model: Path | None = None,
    gates: Iterable[Gate] = (),
    place: str = "",
) -> None:
    """Write the report of a run that has just ended.

    Args:
        evidence: of the run.
        html: file for it.
        history: of earlier runs, without this one.
        model: the user's file, whose repository has the commit.
        gates: limits that are drawn.
        place: id of the board in the bench file; "" where none was named.
    Raises:
        ConfigError, BenchError: it cannot be written; of a history that cannot be read it is written without.
    """
    from tinysine.evidence import document_of  # noqa: PLC0415
    from tinysine.evidence.arrays import arrays_of  # noqa: PLC0415
    from tinysine.reports import render, run_page  # noqa: PLC0415

    past = _past(evidence, history, model, gates, place)
    page = run_page(document_of(evidence), arrays_of(evidence), past, place=place)
    write_page(html, render(page))


def _past(
    evidence: Evidence, file: Path | None, model: Path | None, gates: Iterable[Gate], place: str
) -> Past:
    from tinysine.history import History  # noqa: PLC0415
    from tinysine.reports import NO_PAST, limits_of, past_of  # noqa: PLC0415

    if file is None or not file.exists():
        return NO_PAST
    run = history_run(evidence, model, place=place)
    try:
        with History(file, write=False) as history:
            return past_of(run, history, limits=limits_of(run, gates))
    except TinysineError:  # of a history that is damaged; what adds this run to it says so
        return NO_PAST


def write_night(
    folder: Path,
    nights: Sequence[BoardNight],
    runs: Sequence[HistoryRun],
    *,
    history: Path,
    before: int | None,
    gates: Sequence[Gate],
    shown: list[tuple[str, ...]],
) -> None:
    """Write the report of a night: report.html, and summary.md for a CI job's summary.

    Args:
        folder: of the night.
        nights, runs, before, gates: as for `night_page`.
        history: of earlier nights; one that is damaged costs what changed since, not the report.
        shown: the rows of its table are added here.
    Raises:
        ConfigError, BenchError: a page cannot be written, or the history cannot be read.
    """
    from tinysine.bench.night_report import PAGE, rows  # noqa: PLC0415
    from tinysine.history import History  # noqa: PLC0415
    from tinysine.reports import markdown, night_page, render  # noqa: PLC0415

    names = [night.job.title for night in nights]

    def write(kept: History | None) -> None:
        page = night_page(nights, runs, out=folder, history=kept, before=before, gates=gates)
        write_page(folder / PAGE, markdown(page))
        write_page(folder / REPORT_FILE, render(page))

    try:
        with History(history) as kept:
            shown.extend(rows(runs, kept, before=before, names=names))
            write(kept)
    except TinysineError:
        if not shown:
            shown.extend(rows(runs, None, names=names))
            write(None)
        raise
