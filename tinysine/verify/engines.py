"""Every engine that is at hand, judged on one model by the same `verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

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
from tinysine.evidence import Document, Evidence, to_document
from tinysine.image import DEFAULTS, BuildOptions, Engine, choose_engine, recipes
from tinysine.image.engines import GENERATED
from tinysine.outside_json import ENGINES
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.record import Count, Record, Size, Words, fact, to_json
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
        is_asked_for: somebody named it; the others are there anyway.
    """

    name: str
    engine: Engine | None = None
    rounding: Rounding | None = None
    refusal: TinysineError | None = None
    is_asked_for: bool = False


@dataclass(frozen=True, eq=False)
class EngineRow:
    """Result of one engine.

    Attributes:
        engine: its name.
        folder: of its engine.toml; "" for the generated one.
        references: whose answers it was asked for; several where it was refused for all of them alike.
        evidence: of the run; None where it was not judged.
        error: why it was not judged; None where it was.
        is_asked_for: somebody named the engine.
    """

    engine: str
    folder: str
    references: tuple[str, ...]
    evidence: Evidence | None = None
    error: TinysineError | None = None
    is_asked_for: bool = False

    @property
    def state(self) -> State:
        """ "refused" is an engine that does not take the model or cannot be built; "error" is the bench's fault."""
        if self.evidence is not None:
            return "pass" if self.evidence.verdict == "pass" else "fail"
        return "refused" if isinstance(self.error, ConfigError | ModelError | BuildError) else "error"

    @property
    def cause(self) -> Cause:
        """Return the cause of this result."""
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
    names = [str(folder) for folder in folders]
    users = [engine for name in names if (engine := choose_engine(name)) is not None]
    asked_for = {engine.folder.resolve() for engine in users}
    for rounding in INTERPRETED:
        yield Contestant(GENERATED, None, rounding, is_asked_for=GENERATED in names)
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
    for folder, engine in engines.items():
        for rounding in engine.references:
            yield Contestant(engine.name, engine, rounding, is_asked_for=folder in asked_for)


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
    row = EngineRow(contestant.name, folder, references, is_asked_for=contestant.is_asked_for)
    if contestant.refusal is not None or contestant.rounding is None:
        return replace(row, error=contestant.refusal)
    try:
        evidence = ask(options=replace(options, engine=contestant.engine, rounding=contestant.rounding))
    except TinysineError as error:
        return replace(row, error=error)
    return replace(row, evidence=evidence)


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
            kept[-1] = replace(last, references=(*last.references, *row.references))
        else:
            kept.append(row)
    return kept


def cause_of_rows(rows: Iterable[EngineRow]) -> Cause:
    """Return the worst cause of the rows.

    A refusal counts if no engine was judged, and that of an engine that somebody asked for if it was never judged.
    """
    rows = list(rows)
    judged = {(row.engine, row.folder) for row in rows if row.state != "refused"}

    def counts(row: EngineRow) -> bool:
        name = (row.engine, row.folder)
        return row.state != "refused" or not judged or (row.is_asked_for and name not in judged)

    return worst(row.cause for row in rows if counts(row))


def baseline(rows: Iterable[EngineRow]) -> EngineRow | None:
    """The row that others are compared with: the first that passed and was timed. The generated engine goes first."""
    return next((row for row in rows if row.state == "pass" and row.latency), None)


def ratio(row: EngineRow, base: EngineRow | None) -> float | None:
    """Return the cost of one inference, relative to the baseline's; None if it is unknown, or lost in noise."""
    mine = None if row.evidence is None else row.evidence.latency
    theirs = None if base is None or base.evidence is None else base.evidence.latency
    if mine is None or theirs is None or mine.unit != theirs.unit or mine.unit in NOISY_UNITS:
        return None
    return None if mine.median is None or not theirs.median else mine.median / theirs.median


class EngineTold(Record, kw_only=True):
    """One engine with one reference."""

    engine: Annotated[Words, fact("its name")]
    folder: Annotated[Words, fact("of its engine.toml; absent for the generated one")] = ""
    references: Annotated[
        tuple[Words, ...],
        fact("the reference that it had to equal; several if it was refused for all of them"),
    ]
    state: Annotated[
        State,
        fact(
            "`refused`: the engine does not support the model or cannot be built; `error`: the bench failed"
        ),
    ]
    ratio: Annotated[
        Size | None,
        fact(
            "what one inference costs as a multiple of that of the first engine that passed and was timed; absent "
            "where that is unknown, or lost in noise"
        ),
    ] = None
    reason: Annotated[str | None, fact("why it was not judged")] = None
    hint: Annotated[str | None, fact("what to try then")] = None
    evidence: Annotated[Document | None, fact("of its run, large arrays left out")] = None


class EnginesTable(Record, kw_only=True, tag_field="schema", tag=f"{ENGINES}1"):
    """Every engine at hand, judged on one model."""

    exit_code: Annotated[Count, fact("of the command")]
    model_file: Annotated[str, fact("as it was named")]
    board: Annotated[Words, fact("that was asked")]
    engines: Annotated[tuple[EngineTold, ...], fact("one for each engine and reference")]
    as_table: Annotated[
        EngineTold | None,
        fact(
            "the cost of a table of all answers of the model, for comparison with the "
            "engines; only if it has few enough"
        ),
    ] = None


def to_table(
    rows: Iterable[EngineRow], *, model_file: str, board: str, as_table: EngineRow | None = None
) -> dict[str, Any]:
    """The rows as plain JSON values, by the schema `engines`.

    Args:
        as_table: of `judge_table`, where the model has few enough answers.
    """
    rows = list(rows)
    limit = [] if as_table is None else [as_table]
    base, cause = baseline(rows), cause_of_rows([*rows, *limit])
    table = to_json(
        EnginesTable(
            exit_code=cause.exit_code,
            model_file=model_file,
            board=board,
            engines=tuple(_engine_told(row, base) for row in rows),
            as_table=None if as_table is None else _engine_told(as_table, base),
        )
    )
    told = [*table["engines"], *(table[name] for name in ("as_table",) if name in table)]
    for row, one in zip([*rows, *limit], told, strict=True):
        if row.evidence is not None:
            one["evidence"] = to_document(row.evidence)
    return table


def _engine_told(row: EngineRow, base: EngineRow | None) -> EngineTold:
    times = ratio(row, base)
    return EngineTold(
        engine=row.engine,
        folder=row.folder,
        references=row.references,
        state=row.state,
        ratio=None if times is None else round(times, 4),
        reason=None if row.error is None else row.error.message,
        hint=None if row.error is None else row.error.hint,
    )
