"""Files of a night for machines: JUnit, a summary, the figures of its table, runs for the history."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from tinysine.bench.night import BoardNight, Verdict, cause_of_night, exit_code_of_night
from tinysine.bench.trends import headings, measured, model_changed, previous, trend, trends, unit_of
from tinysine.history import Commit, History, HistoryRun, TestOutcome, run_of
from tinysine.outside_text import xml
from tinysine.record import Count, Record, Size, Words, fact, to_json
from tinysine.result_files import EVIDENCE_FILE
from tinysine.settings import ENGINE, REFERENCE
from tinysine.whole_files import write_whole

SCHEMA = "tinysine.night/1"
SUMMARY, PAGE, JUNIT = "summary.json", "summary.md", "junit.xml"
MOST_OUTPUT = 16_000
HEADINGS = ("board", "kind", "verdict", *headings())


def night_runs(
    nights: Sequence[BoardNight],
    *,
    time_utc: str,
    night: str = "",
    engine: str = ENGINE.default,
    reference: str = REFERENCE.default,
    out: Path | None = None,
    commit: Commit | None = None,
) -> list[HistoryRun]:
    """Return one run for each board.

    Args:
        nights: what came of each board.
        time_utc: of the night, ISO 8601.
        night: its name.
        engine: its name.
        reference: the reference that it had to equal.
        out: folder of the night.
        commit: of the repository that has the model.
    """
    return [
        _run(
            board,
            started_utc=time_utc,
            night=night,
            engine=engine,
            reference=reference,
            evidence=""
            if out is None or board.evidence is None
            else str(out / board.job.label / EVIDENCE_FILE),
            commit=commit.sha if commit else "",
            changed=commit.changed if commit else False,
        )
        for board in nights
    ]


def _run(board: BoardNight, **night: Any) -> HistoryRun:
    """A board's run: what its evidence says, and over it what the night knows better."""
    facts: dict[str, Any] = {}
    if board.evidence is not None:
        told = run_of(board.evidence, command="nightly")
        facts = {name: getattr(told, name) for name in HistoryRun.__struct_fields__}
    tests = [TestOutcome(part.name, part.verdict, part.seconds, part.reason) for part in board.parts]
    return HistoryRun(
        **facts
        | night
        | {
            "command": "nightly",
            "board": board.job.board,
            "place": board.job.place or board.job.port or "",
            "kind": board.kind,
            "verdict": board.verdict,
            "reason": "; ".join(
                part.reason for part in board.parts if part.verdict != "pass" and part.reason
            ),
            "flaky": bool(facts.get("flaky")) or any(part.flaky for part in board.parts),
            "tests": tuple(tests),
        }
    )


def junit(nights: Sequence[BoardNight], runs: Sequence[HistoryRun]) -> str:
    """The night, and each board's run, as JUnit XML: a suite for each board, a case for each part."""
    root = JUnitXml("tinysine nightly")
    for night, run in zip(nights, runs, strict=True):
        suite = TestSuite(xml(night.job.label))
        for name, value in _properties(night, run).items():
            suite.add_property(f"tinysine.{name}", xml(str(value)))
        for part in night.parts:
            case = TestCase(part.name, xml(f"tinysine.nightly.{night.job.label}"), part.seconds)
            if part.verdict != "pass":
                kind = Failure if part.verdict == "fail" else Error
                result = kind(xml(part.reason), part.cause.name)
                result.text = xml(part.output[-MOST_OUTPUT:])
                case.result = [result]
            suite.add_testcase(case)
        root.add_testsuite(suite)
    file = io.BytesIO()
    root.write(file)
    return file.getvalue().decode() + "\n"


def _properties(night: BoardNight, run: HistoryRun) -> dict[str, object]:
    told = to_json(_board(night, run))
    del told["label"], told["time_utc"], told["parts"]
    counts = {f"{part.name}_{name}": count for part in night.parts for name, count in part.tests.items()}
    return told | measured(run) | counts


def rows(
    runs: Sequence[HistoryRun],
    history: History | None,
    *,
    before: int | None = None,
    names: Sequence[str] = (),
) -> list[tuple[str, ...]]:
    """The table, by HEADINGS: every figure with its change since the last night that passed.

    Args:
        runs: of this night.
        history: of earlier nights; None where there is none.
        before: the number of this night's first run in it; None where it has none yet.
        names: of the boards, for people; those of the catalogue, where none are given.
    """
    table = []
    for run, name in zip(runs, names or [run.board for run in runs], strict=True):
        earlier = None if history is None else previous(history, run, before=before)
        figures = {figure: trend(run, earlier, figure) for figure in trends()}
        if figures["latency"]:
            figures["latency"] += f" {unit_of(run)}"
        verdict: str = "pass, flaky" if run.verdict == "pass" and run.flaky else run.verdict
        if run.figures and model_changed(run, earlier):
            verdict += ", model changed"
        table.append((name, run.kind, verdict, *figures.values()))
    return table


def tested_in_words(runs: Sequence[HistoryRun]) -> str:
    """Name the engine and the reference of a night; "" for the defaults."""
    default = (ENGINE.default, REFERENCE.default)
    engine, reference = (runs[0].engine, runs[0].reference) if runs else default
    return "" if (engine, reference) == default else f"engine {engine}, reference {reference}"


def write_facts(out: Path, nights: Sequence[BoardNight], runs: Sequence[HistoryRun]) -> None:
    """Write summary.json and junit.xml, which need no earlier night.

    Raises:
        ConfigError: one cannot be written.
    """
    write_summary(out, nights, runs)
    write_whole(out / JUNIT, junit(nights, runs).encode())


class PartTold(Record, kw_only=True):
    """One step of a board's night."""

    name: Annotated[
        Words,
        fact("`attached`, `quarantine`, `verify`, `gates`, `suite` or `agreement` (with other boards)"),
    ]
    verdict: Annotated[Verdict, fact("of this part")]
    cause: Annotated[Words, fact("why it ended as it did, in one word")]
    reason: Annotated[str, fact("why it did not pass; of gates also what was not judged")]
    flaky: Annotated[str, fact("what had to be done before it passed; empty for nothing")] = ""
    seconds: Annotated[Size, fact("that it took", unit="seconds")]
    tests: Annotated[dict[str, Count], fact("of a suite: how many passed, failed, had errors, were skipped")]
    wrong: Annotated[tuple[TestOutcome, ...], fact("of a suite: each test that did not pass")] = ()


class BoardTold(Record, kw_only=True):
    """One board of the night. Its figures, as the history has them, stand among these fields."""

    label: Annotated[Words, fact("tells two boards of a kind apart; also the name of its folder")]
    place: Annotated[str, fact("its id in the bench file; empty where it has none")] = ""
    port: Annotated[str | None, fact("of a real board")] = None
    time_utc: Annotated[str, fact("of the night, ISO 8601")]
    board: Annotated[str, fact("name in the catalogue")]
    kind: Annotated[
        str,
        fact(
            "the kind of board, as in the evidence; `missing` if there was none, "
            "`quarantined` if it was not tested, `not reached` if the night ended before"
        ),
    ]
    verdict: Annotated[Verdict, fact("of all parts together")]
    flaky: Annotated[Literal["yes"] | None, fact("it passed only after something had to be repeated")] = None
    latency_unit: Annotated[str | None, fact("of `latency`")] = None
    engine: Annotated[str | None, fact("that was under test")] = None
    reference: Annotated[str | None, fact("the reference that it had to equal")] = None
    build_id: Annotated[str | None, fact("of the image")] = None
    model_sha256: Annotated[str | None, fact("of the .tflite file")] = None
    device_unique_id: Annotated[str | None, fact("of the chip")] = None
    parts: Annotated[tuple[PartTold, ...], fact("in order")]


class NightSummary(Record, kw_only=True, tag_field="schema", tag=SCHEMA):
    """Findings of a night."""

    exit_code: Annotated[Count, fact("of the night")]
    cause: Annotated[Words, fact("why it ended as it did, in one word")]
    boards: Annotated[tuple[BoardTold, ...], fact("every board of the night")]


def figure_rules() -> dict[str, dict[str, Any]]:
    """Schema of a board's figures in a summary; their names are declared with the evidence."""
    return {
        "BoardTold": {
            "patternProperties": {
                f"^{name}$": {"type": field.value, "description": field.meaning, "unit": field.unit}
                for name, field in trends().items()
            }
        }
    }


def write_summary(out: Path, nights: Sequence[BoardNight], runs: Sequence[HistoryRun]) -> None:
    """Write summary.json.

    Raises:
        ConfigError: it cannot be written.
    """
    cause = cause_of_night(nights)
    boards = tuple(_board(night, run) for night, run in zip(nights, runs, strict=True))
    document = to_json(NightSummary(exit_code=exit_code_of_night(nights), cause=cause.name, boards=boards))
    for told, run in zip(document["boards"], runs, strict=True):
        parts = told.pop("parts")
        told |= {**measured(run), "parts": parts}
    write_whole(out / SUMMARY, (json.dumps(document, indent=2) + "\n").encode())


def _board(night: BoardNight, run: HistoryRun) -> BoardTold:
    return BoardTold(
        label=night.job.label,
        place=night.job.place,
        port=night.job.port,
        time_utc=run.started_utc,
        board=run.board,
        kind=run.kind,
        verdict=night.verdict,
        flaky="yes" if run.flaky else None,
        latency_unit=unit_of(run),
        engine=run.engine or None,
        reference=run.reference or None,
        build_id=run.build_id or None,
        model_sha256=run.model_sha256 or None,
        device_unique_id=run.unique_id or None,
        parts=tuple(
            PartTold(
                name=part.name,
                verdict=part.verdict,
                cause=part.cause.name,
                reason=part.reason,
                flaky=part.flaky,
                seconds=round(part.seconds, 3),
                tests=part.tests,
                wrong=part.wrong,
            )
            for part in night.parts
        ),
    )
