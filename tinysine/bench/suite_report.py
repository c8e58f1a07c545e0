"""The JUnit report of a board's suite, and why a suite that ended well may be no pass all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestSuite

from tinysine.bench.night import Job
from tinysine.errors import BAD_INPUT, BENCH, CAUSES, INTERRUPTED, PASS, PRODUCT, Cause
from tinysine.evidence import Document
from tinysine.history import TestOutcome
from tinysine.processes import Finished

_OURS = "tinysine."


@dataclass(frozen=True)
class SuiteReport:
    """Content of a report.

    Attributes:
        tests: passed, failed, errors, skipped; empty where there is no report.
        wrong: each test that did not pass, and what it said.
        facts: every value of each property that tinysine's plugin writes, by name without "tinysine.".
    """

    tests: dict[str, int] = field(default_factory=dict)
    facts: dict[str, frozenset[str]] = field(default_factory=dict)
    wrong: tuple[TestOutcome, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst verdict that the plugin wrote; "" for none."""
        said = self.facts.get("verdict", frozenset())
        known = [cause.words for cause in CAUSES if cause.words in said]
        strange = sorted(said - {cause.words for cause in CAUSES})
        return next(iter([*(word for word in known if word == PRODUCT.words), *strange, *known]), "")

    @property
    def flaky(self) -> str:
        """Steps that were needed before it passed, in words; "" for none."""
        counts = {name: sum(int(n) for n in self.facts.get(name, ()) if n.isdecimal()) for name in _FLAKY}
        return ", ".join(f"{counts[name]} {words}" for name, words in _FLAKY.items() if counts[name])


_FLAKY = {"recoveries": "recoveries of the board", "retries": "repeated requests"}


def read_suite(file: Path) -> SuiteReport:
    """A suite's report; an empty one where there is none, or one that makes no sense."""
    try:
        root = JUnitXml.fromfile(str(file))
        suites: list[Any] = [root] if isinstance(root, TestSuite) else list(root)  # junitparser has few types
        counts = dict.fromkeys(("passed", "failed", "errors", "skipped"), 0)
        wrong: list[TestOutcome] = []
        for suite in suites:
            for case in suite:  # those of suites within it, too
                counts[_outcome(case)] += 1
                wrong += _wrong(case)
        facts: dict[str, set[str]] = {}
        for item in _properties(suites):
            name = str(item.name or "")
            if name.startswith(_OURS):
                facts.setdefault(name.removeprefix(_OURS), set()).add(str(item.value or ""))
    # The third is either XML parser's; the last two are for encodings that nobody knows, and floors without an end.
    except (OSError, JUnitXmlError, SyntaxError, ValueError, LookupError, RecursionError):
        return SuiteReport()
    return SuiteReport(counts, {name: frozenset(values) for name, values in facts.items()}, tuple(wrong))


def _outcome(case: Any) -> str:
    """Outcome of a test; the worst, where its call and its teardown differ."""
    results = {type(result) for result in case.result}
    kinds = ((Failure, "failed"), (Error, "errors"), (Skipped, "skipped"))
    return next((name for kind, name in kinds if kind in results), "passed")


def _wrong(case: Any) -> Iterator[TestOutcome]:
    """A test that failed, or ended with an error, with what it said first."""
    for result in case.result:
        if isinstance(result, Failure | Error):
            name = f"{case.classname or ''}::{case.name or 'unnamed'}".removeprefix("::")
            said = str(result.message or result.text or "").strip()
            verdict = "fail" if isinstance(result, Failure) else "error"
            yield TestOutcome(name, verdict, float(case.time or 0.0), said)


def _properties(suites: Iterable[Any]) -> Iterator[Any]:
    for suite in suites:
        yield from suite.properties()
        yield from _properties(suite.testsuites())


def reconcile_exit_and_report(
    done: Finished, report: SuiteReport, job: Job, evidence: Document | None
) -> tuple[Cause, str]:
    """Hold a suite's exit code against its report, and its report against the job.

    A wrapper can lose the exit code, a crash the report; and a suite may have tested another board, or none.

    Args:
        done: how the suite ended.
        report: that it left.
        job: which board it was to test.
        evidence: of `verify` on that board: which rig and build are the job's; None where it got nowhere.
    Returns:
        The cause, and the reason where the suite's own last words do not say it.
    """
    if strange := _of_another_job(report, job, evidence):
        return BAD_INPUT, strange
    says, tests = report.verdict, report.tests
    if says == PRODUCT.words and done.exit_code is not None:
        return PRODUCT, "exit code 0, but the report says product failure" if done.exit_code == 0 else ""
    if done.exit_code != 0:
        return next((cause for cause in (BAD_INPUT, INTERRUPTED) if says == cause.words), BENCH), ""
    reason = ""
    if wrong := tests.get("failed", 0) + tests.get("errors", 0):
        reason = f"exit code 0, but the report counts {wrong} failure{'s' * (wrong != 1)}"
    elif not tests.get("passed"):
        reason = "the suite ended well without a single test that passed"
    elif says not in ("", PASS.words):
        reason = f"exit code 0, but the report says {says}"
    return (BENCH, reason) if reason else _proved(report)


def _of_another_job(report: SuiteReport, job: Job, evidence: Document | None) -> str:
    for name, expected in _expected(job, evidence).items():
        if others := sorted(report.facts.get(name, frozenset()) - {expected}):
            return f"the suite tested {_NAMES[name]} {', '.join(others)}, and this job's is {expected}"
    return ""


_NAMES = {
    "board": "the board",
    "rig": "a rig of the kind",
    "model_sha256": "the model",
    "build_id": "the build",
}


def _expected(job: Job, evidence: Document | None) -> dict[str, str]:
    board, provenance = (None, None) if evidence is None else (evidence.board, evidence.provenance)
    facts = {
        "board": job.board,
        "rig": board and board.kind,
        "model_sha256": provenance and provenance.model_sha256,
        "build_id": provenance and provenance.build_id,
    }
    return {name: value for name, value in facts.items() if value}


def _proved(report: SuiteReport) -> tuple[Cause, str]:
    if missing := [words for name, words in _NAMES.items() if not report.facts.get(name)]:
        words = ", ".join(word.removeprefix("the ").replace("a rig of the kind", "rig") for word in missing)
        return BAD_INPUT, f"the suite's report does not say which {words} it tested: it used no board"
    asked = [int(text) for text in report.facts.get("requests", ()) if text.isdecimal()]
    if not sum(asked):
        return BAD_INPUT, "the suite passed without a single request to the device"
    return PASS, ""
