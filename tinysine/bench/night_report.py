"""What a night leaves behind: JUnit for machines, a table for people, lines for the history."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from tinysine.bench.history import HistoryLine, line_from_evidence, previous, trend
from tinysine.bench.night import BoardNight, cause_of_night
from tinysine.bench.trends import headings, trends
from tinysine.errors import PASS
from tinysine.outside_text import markdown as shown_as_it_stands
from tinysine.outside_text import xml
from tinysine.settings import ENGINE, REFERENCE
from tinysine.whole_files import write_whole

SCHEMA = "tinysine.night/1"
SUMMARY, PAGE, JUNIT = "summary.json", "summary.md", "junit.xml"
MOST_OUTPUT = 16_000
HEADINGS = ("board", "kind", "verdict", *headings())


def history_lines(
    nights: Sequence[BoardNight],
    *,
    time_utc: str,
    engine: str = ENGINE.default,
    reference: str = REFERENCE.default,
) -> list[HistoryLine]:
    """One line for each board.

    Args:
        time_utc: of the night, ISO 8601.
        engine: its name.
        reference: whose answers it had to give.
    """
    return [
        line_from_evidence(
            night.evidence,
            time_utc=time_utc,
            board=night.job.board,
            kind=night.kind,
            verdict=night.verdict,
            engine=engine,
            reference=reference,
        )
        for night in nights
    ]


def junit(nights: Sequence[BoardNight], lines: Sequence[HistoryLine]) -> str:
    """The night, and each board's line of it, as JUnit XML: a suite for each board, a case for each part."""
    root = JUnitXml("tinysine nightly")
    for night, line in zip(nights, lines, strict=True):
        suite = TestSuite(xml(night.job.label))
        for name, value in _properties(night, line).items():
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


def _properties(night: BoardNight, line: HistoryLine) -> dict[str, object]:
    facts = {
        "board": line.board,
        "kind": line.kind,
        "port": night.job.port,
        "verdict": line.verdict,
        "flaky": "yes" if line.flaky else None,
        "latency_unit": line.unit,
        "engine": line.engine,
        "reference": line.reference,
        "build_id": line.build_id,
        "model_sha256": line.model_sha256,
        "device_unique_id": line.unique_id,
        **line.figures,
    }
    return {name: value for name, value in facts.items() if value is not None}


def rows(lines: Sequence[HistoryLine], history: Sequence[HistoryLine]) -> list[tuple[str, ...]]:
    """The table, by HEADINGS: every figure with its change since the last night that passed."""
    table = []
    for line in lines:
        before = previous(history, line)
        figures = {figure: trend(line, before, figure) for figure in trends()}
        if figures["latency"]:
            figures["latency"] += f" {line.unit}"
        verdict = "pass, flaky" if line.verdict == "pass" and line.flaky else line.verdict
        table.append((line.board, line.kind, verdict, *figures.values()))
    return table


def tested_in_words(lines: Sequence[HistoryLine]) -> str:
    """Name the engine and the reference of a night; "" for the defaults."""
    default = (ENGINE.default, REFERENCE.default)
    engine, reference = lines[0].tested if lines else default
    return "" if (engine, reference) == default else f"engine {engine}, reference {reference}"


def markdown(nights: Sequence[BoardNight], table: Sequence[Sequence[str]], *, tested: str = "") -> str:
    """The table and what went wrong, for a page that shows Markdown.

    Args:
        nights: of all boards.
        table: by HEADINGS.
        tested: engine and reference, as `tested_in_words` has them.
    """
    cause = cause_of_night(nights)
    verdict = cause.sentence if cause is PASS else f"**{cause.sentence}**"
    about = [shown_as_it_stands(tested), ""] if tested else []
    lines = [f"## tinysine nightly: {verdict}", "", *about, _row(HEADINGS), "|" + " --- |" * len(HEADINGS)]
    lines += [_row(row) for row in table]
    wrong = [(night, part) for night in nights for part in night.parts if part.verdict != "pass"]
    if wrong:
        lines += ["", "### What did not pass", ""]
        lines += [
            f"- **{shown_as_it_stands(night.job.label)}** {part.name}: {part.verdict}: "
            + shown_as_it_stands(part.reason)
            for night, part in wrong
        ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(shown_as_it_stands, cells)) + " |"


def write_facts(out: Path, nights: Sequence[BoardNight], lines: Sequence[HistoryLine]) -> None:
    """Write summary.json and junit.xml, which need no earlier night.

    Raises:
        ConfigError: one cannot be written.
    """
    write_summary(out, nights, lines)
    write_whole(out / JUNIT, junit(nights, lines).encode())


def write_page(
    out: Path, nights: Sequence[BoardNight], table: Sequence[Sequence[str]], *, tested: str = ""
) -> None:
    """Write summary.md; arguments as for `markdown`.

    Raises:
        ConfigError: it cannot be written.
    """
    write_whole(out / PAGE, markdown(nights, table, tested=tested).encode(errors="backslashreplace"))


def write_summary(out: Path, nights: Sequence[BoardNight], lines: Sequence[HistoryLine]) -> None:
    """Write summary.json.

    Raises:
        ConfigError: it cannot be written.
    """
    document = {
        "schema": SCHEMA,
        "exit_code": cause_of_night(nights).exit_code,
        "cause": cause_of_night(nights).name,
        "boards": [
            {
                "label": night.job.label,
                "port": night.job.port,
                "time_utc": line.time_utc,
                **_properties(night, line),
                "parts": [
                    {
                        "name": part.name,
                        "verdict": part.verdict,
                        "cause": part.cause.name,
                        "reason": part.reason,
                        "seconds": round(part.seconds, 3),
                        "tests": part.tests,
                    }
                    for part in night.parts
                ],
            }
            for night, line in zip(nights, lines, strict=True)
        ],
    }
    write_whole(out / SUMMARY, (json.dumps(document, indent=2) + "\n").encode())
