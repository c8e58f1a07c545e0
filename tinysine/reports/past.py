"""Comparison of a run with earlier ones: changes since the last pass, and its figures from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tinysine.bench.trends import figure_of, headings, trends
from tinysine.history import (
    Change,
    Difference,
    Gate,
    History,
    HistoryRun,
    KeptRun,
    alone_in_words,
    compare_runs,
    shown_percent,
    shown_value,
)
from tinysine.reports.charts.bars import trend_line
from tinysine.reports.charts.scale import MINUS
from tinysine.reports.view import Block, Cell, Notes, Reason, Section, Table, Tone, Trend, Trends

MOST_RUNS = 30  # of a trend
_SAID = {"classes": "accuracy", "classes.changed_count": "inputs in another class than the reference's"}
_TONES: dict[str, Tone] = {"worse": "bad", "better": "good"}


@dataclass(frozen=True)
class Past:
    """Earlier runs of a run's series.

    Attributes:
        base: the last pass; None where there is none.
        difference: of the run to it.
        runs: of the trend, the oldest first, this run the last.
        limits: the most that a figure may be, by its name.
        is_kept: whether there is a history at all.
    """

    base: KeptRun | None = None
    difference: Difference | None = None
    runs: tuple[HistoryRun, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    is_kept: bool = False


NO_PAST = Past()


def past_of(
    run: HistoryRun, history: History, *, before: int | None = None, limits: dict[str, float]
) -> Past:
    """Return what a history has to say of a run.

    Args:
        run: with its figures.
        history: of earlier runs.
        before: only runs with a smaller number: the run's own, where it is in the history already.
        limits: the most that a figure may be, by its name.
    """
    base = next(iter(history.runs(most=1, before=before, like=run, verdict="pass")), None)
    whole = None if base is None else history.run(base.number)
    kept = [history.run(kept.number) for kept in history.runs(most=MOST_RUNS, before=before, like=run)]
    runs = (*(one.run for one in reversed(kept) if one is not None and one.run.figures), run)
    difference = None if whole is None else compare_runs(whole.run, run)
    return Past(whole, difference, runs, limits, is_kept=True)


def limits_of(run: HistoryRun, gates: Iterable[Gate]) -> dict[str, float]:
    """Return the most that figures of a run may be, by name, as its gates say."""
    found: dict[str, float] = {}
    for gate in gates:
        figure = run.figure(gate.figure)
        mine = gate.is_for(run)
        if gate.kind == "at most" and mine and figure is not None and gate.unit in ("", figure.unit):
            found[gate.figure] = min(gate.limit, found.get(gate.figure, gate.limit))
    return found


def change_sections(past: Past) -> Iterator[Section]:
    """Yield what changed since the last pass."""
    if not past.is_kept:
        return
    title = "Since the last pass"
    if past.base is None or past.difference is None:
        yield Section(title, (), "There is no earlier pass of this board, model, engine and reference.")
        return
    base = past.base.run
    commit = f" at commit {base.commit[:12]}" if base.commit else ""
    lead = f"Held against run {past.base.number} of {base.started_utc[:16].replace('T', ' ')}{commit}."
    blocks: list[Block] = []
    reasons = tuple(Reason("not judged", reason, tone="quiet") for reason in past.difference.reasons)
    if reasons:
        blocks.append(Notes(reasons))
    changed = [change for change in past.difference.changes if change.judgement != "same"]
    if changed:
        blocks.append(change_table([("", change) for change in changed]))
    else:
        lead += f" All {len(past.difference.changes):,} figures of both are the same."
    if alone := alone_in_words(past.difference):
        lead += f" Not compared: {alone}."
    yield Section(title, tuple(blocks), lead)


def change_table(changes: Sequence[tuple[str, Change]]) -> Table:
    """Return a table of what changed.

    Args:
        changes: each with the board that it is of; "" where there is one only, which needs no name.
    """
    named = any(board for board, _ in changes)
    words = (Cell("Figure"), *(Cell(name, number=True) for name in ("then", "now", "change")), Cell(""))
    rows = tuple(((Cell(board),) if named else ()) + _row(change) for board, change in changes)
    return Table(((Cell("Board"),) if named else ()) + words, rows)


def _row(change: Change) -> tuple[Cell, ...]:
    part = f" of {change.part}" if change.part else ""
    unit = f", {change.unit}" if change.unit else ""
    return (
        Cell(f"{figure_in_words(change.name)}{part}{unit}"),
        Cell(_value(change.before), number=True),
        Cell(_value(change.after), number=True),
        Cell(shown_percent(change.percent).replace("-", MINUS), _tone(change), number=True),
        Cell(change.judgement, _tone(change)),
    )


def _tone(change: Change) -> Tone:
    return _TONES.get(change.judgement, "quiet")


def _value(value: float | None) -> str:
    return "" if value is None else shown_value(value)


def figure_in_words(name: str) -> str:
    """Return the name of a figure as people say it: "memory.flash_bytes" as "flash", others with what they are of."""
    for field_, heading in zip(trends().values(), headings(), strict=True):
        if ".".join(field_.path) == name:
            return heading
    of, _, last = name.rpartition(".")
    whose = _SAID.get(of.partition(".")[0], of.partition(".")[0])
    said = _SAID.get(name) or last.removesuffix("_bytes").replace("_", " ")
    return f"{whose}: {said}" if whose else said


def trend_blocks(past: Past) -> tuple[Block, ...]:
    """Return how the figures of a run went, where there is more than one run."""
    found = tuple(_trends(past))
    return (Trends(found),) if found else ()


def _trends(past: Past) -> Iterator[Trend]:
    for name, heading in zip(trends(), headings(), strict=True):
        now = figure_of(past.runs[-1], name) if past.runs else None
        if now is None:
            continue
        told = [(run, figure_of(run, name)) for run in past.runs]
        same = [(run, figure.value) for run, figure in told if figure is not None and figure.unit == now.unit]
        if len(same) < 2:
            continue
        values = [value for _, value in same]
        if not any(values):
            continue
        changes = [
            index
            for index in range(1, len(same))
            if same[index][0].model_sha256 != same[index - 1][0].model_sha256
        ]
        unit = "B" if now.unit == "bytes" else now.unit
        change, tone = _since_base(past, now.name)
        yield Trend(
            name=with_capital(heading),
            value=f"{now.value:,.10g} {unit}".rstrip(),
            change=change,
            tone=tone,
            picture=trend_line(values, heading, changes=changes, limit=past.limits.get(now.name)),
            span=_span(same, values, changed=bool(changes), limit=past.limits.get(now.name)),
        )


def with_capital(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _span(
    runs: Sequence[tuple[HistoryRun, float]], values: Sequence[float], *, changed: bool, limit: float | None
) -> str:
    said = f"{len(values)} runs since {runs[0][0].started_utc[:10]}"
    said += (
        f", {shown_value(min(values))} to {shown_value(max(values))}"
        if min(values) != max(values)
        else ", always the same"
    )
    if changed:
        said += "; dotted: the model changed"
    return said if limit is None else f"{said}; {shown_value(limit)} allowed"


def _since_base(past: Past, name: str) -> tuple[str, Tone]:
    if past.difference is None:
        return "", ""
    change = next((c for c in past.difference.changes if c.name == name and not c.part), None)
    if change is None or change.percent is None:
        return "", ""
    if change.judgement == "same":
        return "unchanged", "quiet"
    return shown_percent(change.percent).replace("-", MINUS), _tone(change)
