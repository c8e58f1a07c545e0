"""Gates: limits on figures of a run, fixed ones and ones on how they grow from run to run."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tinysine.boards import list_boards
from tinysine.boards.toml_file import Table, decode_table, read_toml
from tinysine.errors import ConfigError, unknown_name
from tinysine.history.compare import depends_on_inputs
from tinysine.history.figures import kept_fields, shown_value
from tinysine.history.records import Figure, HistoryRun, KeptRun
from tinysine.history.store import History
from tinysine.record_schema import Field
from tinysine.verdicts import MAD_TO_SIGMA, NOISY_UNITS

HOW = "such as 'flash_bytes <= 8192', 'instructions +0 %' or 'classes.device >= 0.95'"
LEAST_RUNS = 5  # of a noisy figure, before its growth is judged
MOST_RUNS = 20
_SPREADS = 3.0  # robust standard deviations that a noisy figure may be off
_UNITS = ("instructions", "cycles", "ticks", "ns", "counts")
_LATENCY = "latency.median"
_FILE = 'rules = ["flash_bytes <= 8192"], and [boards.NAME] with rules'
Rules = Annotated[tuple[str, ...], Meta(description="a list of texts")]
_BUDGET = re.compile(r"([\w.]+)\s*(<=|>=)\s*([\d_.]+(?:[eE][+-]?\d+)?)", re.ASCII)
_GROWTH = re.compile(r"([\w.]+)\s*([+-])\s*(\d+(?:\.\d+)?)\s*%", re.ASCII)


@dataclass(frozen=True)
class Gate:
    """One limit.

    Attributes:
        text: as it was written.
        figure: name of the figure, such as "memory.flash_bytes".
        unit: that the figure must have; "" for any.
        kind: "at most" and "at least" a value, or "growth" since the last pass.
        limit: the value, or percent.
        boards: catalogue names or ids; empty for all.
    """

    text: str
    figure: str
    unit: str
    kind: Literal["at most", "at least", "growth"]
    limit: float
    boards: tuple[str, ...] = ()

    def is_for(self, run: HistoryRun) -> bool:
        """Tell whether it judges the board of a run."""
        return not self.boards or run.board in self.boards or run.id in self.boards


@dataclass(frozen=True)
class GateResult:
    """One gate on one run.

    Attributes:
        gate: the limit.
        passed: None where it could not be judged.
        reason: why it did not pass, or was not judged.
        base: the run that a growth is held against.
        first_bad: the number of the first run after that which broke the limit; None for this one.
    """

    gate: Gate
    passed: bool | None
    reason: str = ""
    base: KeptRun | None = None
    first_bad: KeptRun | None = None


_NO_IDS: Mapping[str, str] = MappingProxyType({})


def read_gates(
    texts: Iterable[str], *, ids: Mapping[str, str] = _NO_IDS, source: str = "--gate"
) -> tuple[Gate, ...]:
    """Read rules and files of rules.

    Args:
        texts: each a rule, or the name of a file such as gate.toml: `rules = [...]`, and for one board
            `[boards.NAME]` with `rules = [...]`. NAME is a type or an id; where it is both, all boards of that type.
        ids: of the bench's boards, and the type of each.
        source: where rules that are in no file are written.
    Raises:
        ConfigError: a rule or a file that means nothing, or two things; facts `file` and `key`.
    """
    found: list[Gate] = []
    for text in texts:
        found += _read_file(Path(text), ids) if text.endswith(".toml") else [read_gate(text, source=source)]
    return tuple(found)


def read_gate(text: str, *, source: str) -> Gate:
    """Read one rule.

    Args:
        text: such as "flash_bytes <= 8192" or "instructions +0 %".
        source: where it is written.
    Raises:
        ConfigError: it means nothing; fact `key`.
    """
    if budget := _BUDGET.fullmatch(text.strip()):
        name, sign, number = budget.groups()
        try:
            limit = float(number)
        except ValueError as error:
            raise ConfigError(f"{number!r} (from {source}) is no number", hint=HOW, key="gate") from error
        if not math.isfinite(limit):
            raise ConfigError(f"{number!r} (from {source}) is no limit", hint=HOW, key="gate")
        kind: Literal["at most", "at least"] = "at most" if sign == "<=" else "at least"
        return Gate(text.strip(), *_figure(name, source), kind, limit)
    if growth := _GROWTH.fullmatch(text.strip()):
        name, sign, number = growth.groups()
        figure, unit = _figure(name, source)
        good = "+" if _better(figure) == "lower" else "-"
        if sign != good and float(number):
            raise ConfigError(
                f"the gate {text!r} (from {source}) allows {figure} what is no loss",
                hint=f"'{name} {good}{number} %'",
                key="gate",
            )
        return Gate(text.strip(), figure, unit, "growth", float(number))
    raise ConfigError(f"{text!r} (from {source}) is no gate", hint=HOW, key="gate")


def need_history(gates: Sequence[Gate]) -> bool:
    """Tell whether any of them is held against earlier runs."""
    return any(gate.kind == "growth" for gate in gates)


def judge_gates(run: HistoryRun, gates: Iterable[Gate], history: History | None) -> tuple[GateResult, ...]:
    """Judge a run by every gate of its board.

    A figure that was not measured breaks its gate. Growth is held against the last pass of the same series (board,
    model's file, engine, reference, build) that asked the same data, where the figure depends on it; of noisy clocks
    against the median of the last passes, with three robust standard deviations.

    Args:
        run: with its figures.
        gates: limits.
        history: of earlier runs, without this one; None where there is none.
    """
    mine = [gate for gate in gates if gate.is_for(run)]
    return tuple(_judge(run, gate, history) for gate in mine)


def _judge(run: HistoryRun, gate: Gate, history: History | None) -> GateResult:
    figure = _of(run, gate)
    if figure is None:
        unit = f" in {gate.unit}" if gate.unit else ""
        return GateResult(gate, False, f"{gate.figure} was not measured{unit} on {run.title}")
    if gate.kind == "growth":
        return _judge_growth(run, gate, figure, history)
    holds = figure.value <= gate.limit if gate.kind == "at most" else figure.value >= gate.limit
    word = "more" if gate.kind == "at most" else "less"
    said = f"{_shown(figure)} on {run.title}, {word} than {gate.limit:,.10g}"
    return GateResult(gate, holds, "" if holds else said)


def _judge_growth(run: HistoryRun, gate: Gate, figure: Figure, history: History | None) -> GateResult:
    alike: dict[str, Any] = {"model_sha256": run.model_sha256}
    if depends_on_inputs(figure.name):
        alike["data_sha256"] = run.data_sha256
    passes = [] if history is None else _passes(run, figure, history, **alike)
    if not passes:
        others = [] if history is None else _passes(run, figure, history)
        if others:
            kept, then = others[0]
            what = "model" if kept.run.model_sha256 != run.model_sha256 else "data"
            said = (
                f"the {what} changed since the last pass of {run.title}: {_shown(figure)}, {then:,.10g} then"
            )
            return GateResult(gate, None, said, kept)
        what = f"with this model, engine, reference and build has {gate.figure}"
        return GateResult(gate, None, f"no earlier pass of {run.title} {what}")
    (base, baseline), spread = passes[0], 0.0
    if figure.unit in NOISY_UNITS or (gate.figure == _LATENCY and run.kind == "hardware"):
        values = [value for _, value in passes]
        if len(values) < LEAST_RUNS:
            said = f"{len(values)} passes of {run.title} are too few to judge a noisy clock: {LEAST_RUNS} are needed"
            return GateResult(gate, None, said, base)
        baseline = statistics.median(values)
        spread = _SPREADS * MAD_TO_SIGMA * statistics.median(abs(value - baseline) for value in values)

    def breaks(value: float) -> bool:
        worse = value - baseline if figure.better == "lower" else baseline - value
        return worse > baseline * gate.limit / 100 + spread

    if not breaks(figure.value):
        return GateResult(gate, True, base=base)
    assert history is not None
    since = history.series(figure.name, figure.unit, after=base.number, like=run, **alike)
    first = next((kept for kept, value in reversed(since) if breaks(value)), None)
    noise = f", give or take {spread:,.4g}" if spread else ""
    said = f"{_shown(figure)} on {run.title}, {baseline:,.10g} at the last pass (run {base.number}){noise}"
    return GateResult(gate, False, said, base, first)


def _passes(
    run: HistoryRun, figure: Figure, history: History, **where: Any
) -> list[tuple[KeptRun, int | float]]:
    """The last passes of a run's series that have its figure, the latest first, and its value in each."""
    return history.series(figure.name, figure.unit, most=MOST_RUNS, like=run, verdict="pass", **where)


def _of(run: HistoryRun, gate: Gate) -> Figure | None:
    figure = run.figure(gate.figure)
    return figure if figure is not None and gate.unit in ("", figure.unit) else None


def _shown(figure: Figure) -> str:
    return f"{figure.name} is {shown_value(figure.value)} {figure.unit}".rstrip()


@cache
def _known() -> dict[str, Field]:
    return {".".join(field.path): field for field in kept_fields() if "[]" not in field.path}


def _better(figure: str) -> str:
    return _known()[figure].better


def _figure(name: str, source: str) -> tuple[str, str]:
    """The figure that is meant by its name, its last part, a unit of latency, or the heading of its column."""
    if name in _UNITS:
        return _LATENCY, name
    short: dict[str, set[str]] = {}
    for whole, field in _known().items():
        short.setdefault(whole, set()).add(whole)
        short.setdefault(field.name, set()).add(whole)
        if field.trend is not None and field.trend.name:
            short.setdefault(field.trend.name, set()).add(whole)
    found = short.get(name, set())
    if len(found) > 1:
        raise ConfigError(
            f"{name} (from {source}) may be {' or '.join(sorted(found))}", hint="name one of them", key="gate"
        )
    if not found:
        raise unknown_name(f"{name!r} (from {source}) is no figure", name, (*_known(), *_UNITS), key="gate")
    return next(iter(found)), ""


class _Rules(Table, frozen=True):
    """Gates of one board."""

    rules: Rules = ()


class _File(Table, frozen=True):
    """A file of gates as it is written."""

    rules: Rules = ()
    boards: dict[str, _Rules] = msgspec.field(default_factory=dict)


def _read_file(file: Path, ids: Mapping[str, str]) -> list[Gate]:
    told = decode_table(read_toml(file, what="file of gates", hint=_FILE), _File, file=file, hint=_FILE)
    found = [read_gate(rule, source=f"{file}: rules") for rule in told.rules]
    types = {board.name for board in list_boards()}
    for name, of_board in told.boards.items():
        facts = {"file": str(file), "key": f"boards.{name}"}
        if name not in types and name not in ids:  # it would judge nothing
            message = f"{file}: boards.{name}: no board of the catalogue, and no id of the bench, is {name!r}"
            raise unknown_name(message, name, (*types, *ids), **facts)
        if name in types and ids.get(name, name) != name:
            raise ConfigError(
                f"{file}: boards.{name} may be the type {name}, or the {ids[name]} with the id {name}",
                hint="give that board another id in the bench file",
                **facts,
            )
        found += [
            replace(read_gate(rule, source=f"{file}: boards.{name}.rules"), boards=(name,))
            for rule in of_board.rules
        ]
    if not found:
        raise ConfigError(f"{file}: there are no rules", hint=_FILE, file=str(file), key="rules")
    return found
