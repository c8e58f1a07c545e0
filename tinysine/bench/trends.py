"""The figures that are compared from night to night: their names, headings and places, as they are declared."""

from __future__ import annotations

from functools import cache

from tinysine.evidence import Document
from tinysine.history import Figure, History, HistoryRun, depends_on_inputs, shown_percent, shown_value
from tinysine.record import Number
from tinysine.record_schema import Field, fields_of
from tinysine.verdicts import NOISY_UNITS

LATENCY = "latency"


@cache
def trends() -> dict[str, Field]:
    """Their fields in the evidence, by name, in the order of the table."""
    found = [(field.trend, field) for field in fields_of(Document) if field.trend is not None]
    found.sort(key=lambda pair: pair[0].column)
    return {trend.name or field.name: field for trend, field in found}


def headings() -> tuple[str, ...]:
    """The heading of each."""
    return tuple(field.trend.heading for field in trends().values() if field.trend is not None)


def figure_of(run: HistoryRun, name: str) -> Figure | None:
    """Return one of a run's figures that are compared; None for one that was not measured."""
    return run.figure(".".join(trends()[name].path))


def measured(run: HistoryRun) -> dict[str, Number]:
    """Return those that a run measured, by name."""
    found = {name: figure_of(run, name) for name in trends()}
    return {name: figure.value for name, figure in found.items() if figure is not None}


def unit_of(run: HistoryRun) -> str | None:
    """Return the unit of a run's latency; None where it was not measured."""
    latency = figure_of(run, LATENCY)
    return None if latency is None else latency.unit


def previous(history: History, run: HistoryRun, *, before: int | None = None) -> HistoryRun | None:
    """Return the last pass of the same series and unit, with this model or an earlier one of its file.

    Args:
        history: to look in.
        run: that is to be held against it.
        before: only runs with a smaller number.
    """
    latency = figure_of(run, LATENCY)
    if latency is None:
        found = history.runs(most=1, before=before, like=run, verdict="pass")
    else:
        same = history.series(latency.name, latency.unit, most=1, before=before, like=run, verdict="pass")
        found = [kept for kept, _ in same]
    whole = history.run(found[0].number) if found else None
    return None if whole is None else whole.run


def model_changed(run: HistoryRun, before: HistoryRun | None) -> bool:
    """Tell whether a run was of another model than the one before."""
    return before is not None and before.model_sha256 != run.model_sha256


def _data_changed(run: HistoryRun, before: HistoryRun | None, figure: Figure) -> bool:
    return before is not None and before.data_sha256 != run.data_sha256 and depends_on_inputs(figure.name)


def trend(run: HistoryRun, before: HistoryRun | None, name: str) -> str:
    """Show a figure with its change: "2,905 (-1.2 %)"; of another model or data: "9,200 (was 7,348)".

    Returns:
        "" for a figure that was not measured; no change where that is noise.
    """
    figure = figure_of(run, name)
    if figure is None:
        return ""
    now, shown = figure.value, shown_value(figure.value)
    if figure.unit in NOISY_UNITS:
        return f"about {shown}"
    earlier = None if before is None else figure_of(before, name)
    if earlier is None:
        return shown
    then = earlier.value
    if now == then:
        return f"{shown} (=)"
    if model_changed(run, before) or _data_changed(run, before, figure) or not then:
        return f"{shown} (was {shown_value(then)})"
    change = shown_percent(100 * (now - then) / then)
    return f"{shown} ({change or 'was ' + shown_value(then)})"
