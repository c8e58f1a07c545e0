"""Every engine that is at hand, judged on one model by the same `verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tinysine.errors import (
    PASS,
    PRODUCT,
    BuildError,
    Cause,
    ConfigError,
    ModelError,
    TinysineError,
    cause_of,
    worst,
)
from tinysine.evidence import Evidence, to_document
from tinysine.image import DEFAULTS, BuildOptions, Engine, choose_engine, recipes
from tinysine.image.engines import GENERATED
from tinysine.outside_json import ENGINES
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.verdicts import NOISY_UNITS

State = Literal["pass", "fail", "refused", "error"]


@dataclass(frozen=True)
class Contestant:
    """An engine, and the reference whose answers it is to give.

    Attributes:
        name: of the engine.
        engine: of the user's, or of a recipe; None for the generated one.
        rounding: the reference; None where the engine cannot be read, so that nobody knows.
        refusal: why it cannot be read.
    """

    name: str
    engine: Engine | None = None
    rounding: Rounding | None = None
    refusal: TinysineError | None = None


@dataclass(frozen=True, eq=False)
class EngineRow:
    """What came of one engine.

    Attributes:
        engine: its name.
        folder: of its engine.toml; "" for the generated one.
        references: whose answers it was asked for; several where it was refused for all of them alike.
        evidence: of the run; None where it was not judged.
        error: why it was not judged; None where it was.
    """

    engine: str
    folder: str
    references: tuple[str, ...]
    evidence: Evidence | None = None
    error: TinysineError | None = None

    @property
    def state(self) -> State:
        """ "refused" is an engine that does not take the model or cannot be built; "error" is the bench's fault."""
        if self.evidence is not None:
            return "pass" if self.evidence.verdict == "pass" else "fail"
        return "refused" if isinstance(self.error, ConfigError | ModelError | BuildError) else "error"

    @property
    def cause(self) -> Cause:
        """Why it ended as it did."""
        if self.evidence is not None:
            return PASS if self.evidence.verdict == "pass" else PRODUCT
        assert self.error is not None
        return cause_of(self.error)

    @property
    def latency(self) -> float | None:
        """The median of one inference, in the unit of the evidence; None where it was not measured."""
        return (
            None if self.evidence is None or self.evidence.latency is None else self.evidence.latency.median
        )


def contestants(folders: Iterable[str | Path] = ()) -> Iterator[Contestant]:
    """Every engine that is at hand: the generated one, those that tinysine has recipes for, and the user's.

    Args:
        folders: with the user's engines, as `choose_engine` takes them; one that is there anyway is not there twice.
    Raises:
        ConfigError: a folder of the user's is no engine.
    """
    users = [engine for folder in folders if (engine := choose_engine(str(folder))) is not None]
    for rounding in INTERPRETED:
        yield Contestant(GENERATED, None, rounding)
    engines: dict[Path, Engine] = {}
    for name in recipes():
        try:
            engine = choose_engine(name)
        except ConfigError as error:
            yield Contestant(name, refusal=error)
        else:
            assert engine is not None
            engines[engine.folder.resolve()] = engine
    for engine in users:
        engines.setdefault(engine.folder.resolve(), engine)
    for engine in engines.values():
        for rounding in engine.references:
            yield Contestant(engine.name, engine, rounding)


def judge(
    contestant: Contestant, ask: Callable[..., Evidence], options: BuildOptions = DEFAULTS
) -> EngineRow:
    """Judge one engine, and take its refusal for an answer.

    Args:
        ask: `verify`, which is given the options of the build.
        options: those of the build beside engine and reference.
    """
    folder = "" if contestant.engine is None else str(contestant.engine.folder)
    references = () if contestant.rounding is None else (contestant.rounding.value,)
    if contestant.refusal is not None or contestant.rounding is None:
        return EngineRow(contestant.name, folder, references, error=contestant.refusal)
    try:
        evidence = ask(options=replace(options, engine=contestant.engine, rounding=contestant.rounding))
    except TinysineError as error:
        return EngineRow(contestant.name, folder, references, error=error)
    return EngineRow(contestant.name, folder, references, evidence)


def judge_table(ask: Callable[..., Evidence], options: BuildOptions) -> EngineRow:
    """Judge the generated engine as a table of all answers, which stands beside the engines."""
    return judge(Contestant(GENERATED, None, Rounding.LITERT), ask, replace(options, optimize="table"))


def merged(rows: Iterable[EngineRow]) -> list[EngineRow]:
    """The rows; an engine that was refused for the same reason whatever it was asked for has one."""
    kept: list[EngineRow] = []
    for row in rows:
        last = kept[-1] if kept else None
        if (
            last is not None
            and last.error is not None
            and row.error is not None
            and (last.engine, last.folder, last.error.message) == (row.engine, row.folder, row.error.message)
        ):
            kept[-1] = EngineRow(
                row.engine, row.folder, (*last.references, *row.references), error=last.error
            )
        else:
            kept.append(row)
    return kept


def cause_of_rows(rows: Iterable[EngineRow]) -> Cause:
    """Why all of it ended as it did. What an engine refuses counts only where no engine was judged."""
    rows = list(rows)
    return worst(row.cause for row in ([row for row in rows if row.state != "refused"] or rows))


def baseline(rows: Iterable[EngineRow]) -> EngineRow | None:
    """The row that others are compared with: the first that passed and was timed. The generated engine goes first."""
    return next((row for row in rows if row.state == "pass" and row.latency), None)


def ratio(row: EngineRow, base: EngineRow | None) -> float | None:
    """What one inference costs as a multiple of the baseline's; None where that is unknown, or lost in noise."""
    mine = None if row.evidence is None else row.evidence.latency
    theirs = None if base is None or base.evidence is None else base.evidence.latency
    if mine is None or theirs is None or mine.unit != theirs.unit or mine.unit in NOISY_UNITS:
        return None
    return None if mine.median is None or not theirs.median else mine.median / theirs.median


def to_table(
    rows: Iterable[EngineRow], *, model_file: str, board: str, as_table: EngineRow | None = None
) -> dict[str, Any]:
    """The rows as plain JSON values; the evidence of each is by the schema `evidence`, large arrays left out.

    Args:
        as_table: of `judge_table`, where the model has few enough answers.
    """
    rows = list(rows)
    base, cause = baseline(rows), cause_of_rows([*rows, *([] if as_table is None else [as_table])])
    return {
        "schema": f"{ENGINES}1",
        "exit_code": cause.exit_code,
        "model_file": model_file,
        "board": board,
        "engines": [_to_row(row, base) for row in rows],
        **({} if as_table is None else {"as_table": _to_row(as_table, base)}),
    }


def _to_row(row: EngineRow, base: EngineRow | None) -> dict[str, Any]:
    return {
        "engine": row.engine,
        **({"folder": row.folder} if row.folder else {}),
        "references": list(row.references),
        "state": row.state,
        **({} if (r := ratio(row, base)) is None else {"ratio": round(r, 4)}),
        **({} if row.error is None else {"reason": row.error.message, "hint": row.error.hint}),
        **({} if row.evidence is None else {"evidence": to_document(row.evidence)}),
    }
