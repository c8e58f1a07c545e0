"""Proof that a night asks for: of `verify` its evidence, of a suite its report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.bench.night import BoardNight, Job, Orders, Part, exit_code_of_night
from tinysine.bench.suite_report import SuiteReport, reconcile_exit_and_report
from tinysine.errors import BAD_INPUT, BENCH, INTERRUPTED, PASS, PRODUCT
from tinysine.model import REFERENCE_MODEL
from tinysine.processes import Finished
from unit_tests.bench.made_up_nights import (
    HOST_JOB,
    after,
    cases,
    evidence,
    proofs_of,
    recorded,
    suite_that,
)

VERIFY = {
    "pass": ({"code": 0, "evidence": evidence("pass")}, "pass", ""),
    "fail": (
        {"code": 1, "evidence": evidence("fail", reason="3 differ")},
        "fail",
        "3 differ",
    ),
    "bench": (
        {"code": 3, "evidence": evidence("error"), "says": "error: no answer. try: plug it in"},
        "error",
        "no answer. try: plug it in",
    ),
    "success without evidence": ({"code": 0}, "error", "the evidence says nothing"),
    "success with evidence of failure": ({"code": 0, "evidence": evidence("fail")}, "error", "says fail"),
    "failure with evidence of success": ({"code": 1, "evidence": evidence("pass")}, "error", "exit code 1"),
    "a crash": ({"code": 139}, "error", "exit code 139, without a word"),
    "bad input": ({"code": 2, "says": "error: no int8 model. try: convert it"}, "error", "no int8 model"),
    "an interruption": ({"code": 130, "says": "Aborted!"}, "error", "Aborted!"),
    "evidence that does not fit": (
        {"code": 0, "evidence": evidence("pass") | {"verdict": 1}},
        "error",
        "evidence.json is no such document: verdict: expected `str`, got `int`",
    ),
    "evidence of another version": (
        {"code": 0, "evidence": {"schema": "tinysine.evidence/9", "verdict": "pass"}},
        "error",
        "evidence.json is tinysine.evidence/9",
    ),
    "evidence that is none": ({"code": 1, "evidence": [1], "says": "words"}, "error", "words"),
}


@pytest.mark.parametrize(("behaviour", "verdict", "reason"), VERIFY.values(), ids=VERIFY.keys())
def test_verify_is_believed_only_with_its_evidence(
    night: Callable[..., BoardNight], behaviour: dict[str, object], verdict: str, reason: str
) -> None:
    """Exit code and evidence have to say the same; anything else is the bench's fault."""
    result = night(behaviour)
    (part,) = result.parts
    assert (part.name, part.verdict, result.verdict) == ("verify", verdict, verdict)
    assert reason in part.reason
    assert bool(part.reason) == (verdict != "pass")
    assert (part.cause is BAD_INPUT) == (behaviour["code"] == 2)
    assert (part.cause is INTERRUPTED) == (behaviour["code"] == 130)


SUITE = {
    "pass": (suite_that(0, tests=5, skipped=1, verdict="pass"), "pass", ""),
    "product": (suite_that(1, tests=5, failures=2, verdict="product failure"), "fail", "2 failed"),
    "bench": (suite_that(1, tests=5, errors=2, verdict="bench failure"), "error", "2 errors"),
    "failure that nobody explains": (suite_that(1, tests=5, failures=2), "error", "the last line"),
    "success without a test": (suite_that(0), "error", "without a single test that passed"),
    "success with everything skipped": (suite_that(0, tests=3, skipped=3), "error", "3 skipped"),
    "success without a report": ("sys.exit(0)", "error", "without a single test that passed"),
    "a lost exit code, explained": (
        suite_that(0, tests=5, failures=2, verdict="product failure"),
        "fail",
        "exit code 0, but the report says product failure",
    ),
    "a lost exit code": (
        suite_that(0, tests=5, failures=1, errors=1),
        "error",
        "exit code 0, but the report counts 2 failures (3 passed",
    ),
    "a lost exit code of one failure": (suite_that(0, tests=2, errors=1), "error", "counts 1 failure ("),
    "a bench failure and exit code 0": (
        suite_that(0, tests=5, verdict="bench failure"),
        "error",
        "the report says bench failure",
    ),
    "another board": (
        suite_that(0, tests=5, verdict="pass", proofs=proofs_of(board="microbit")),
        "error",
        "the suite tested the board microbit, and this job's is host",
    ),
    "another board that failed": (
        suite_that(1, tests=5, failures=5, verdict="product failure", proofs=proofs_of(board="microbit")),
        "error",
        "the suite tested the board microbit",
    ),
    "a twin": (
        suite_that(0, tests=5, verdict="pass", proofs=proofs_of(rig="emulated")),
        "error",
        "a rig of the kind emulated, and this job's is hardware",
    ),
    "another model": (
        suite_that(0, tests=5, verdict="pass", proofs=proofs_of(model_sha256="n")),
        "error",
        "tested the model n",
    ),
    "another build": (
        suite_that(0, tests=5, verdict="pass", proofs=proofs_of(build_id="c")),
        "error",
        "tested the build c",
    ),
    "no board": (
        suite_that(0, tests=5, proofs=""),
        "error",
        "does not say which board, rig, model, build it tested",
    ),
    "no request": (
        suite_that(0, tests=5, verdict="pass", proofs=proofs_of(requests=0)),
        "error",
        "without a single request to the device",
    ),
    "an interruption": (
        suite_that(2, tests=5, verdict="interrupted"),
        "error",
        "the last line (5 passed",
    ),
    "a report that is none": ("open(out, 'w').write('<a>')\nsys.exit(1)\n", "error", "exit code 1"),
    "a crash": ("import os\nos.kill(os.getpid(), 9)\n", "error", "exit code -9"),
}


@pytest.mark.parametrize(("suite", "verdict", "reason"), SUITE.values(), ids=SUITE.keys())
def test_a_suite_is_believed_only_with_its_report(
    night: Callable[..., BoardNight], suite: str, verdict: str, reason: str
) -> None:
    """A suite that ended well and tested nothing is no pass; a failure is the product's if the report says so."""
    part = night({"code": 0, "evidence": evidence("pass")}, suite=suite).parts[1]
    assert (part.name, part.verdict) == ("suite", verdict)
    assert reason in part.reason
    wrong_input = ("tested the", "tested a rig", "does not say which", "a single request")
    assert (part.cause is BAD_INPUT) == any(words in part.reason for words in wrong_input)


def test_a_suite_that_was_interrupted_says_so() -> None:
    """Neither bad input nor the bench: pytest's own exit code for it, 2, would say the first."""
    done = Finished(("suite",), 2, "", 1.0)
    report = SuiteReport({"passed": 1}, {"verdict": frozenset({INTERRUPTED.words})})
    assert reconcile_exit_and_report(done, report, HOST_JOB, None) == (INTERRUPTED, "")


def test_suites_within_suites_count(night: Callable[..., BoardNight]) -> None:
    """A failure counts on whichever floor it is written, and a test once, whatever its attributes say."""
    for failures, verdict in ((0, "pass"), (1, "error")):
        inner = f'<testsuite tests="9">{cases(3, failures=failures, skipped=1)}</testsuite>'
        own = f"<properties>{proofs_of()}</properties>{cases(1)}"
        report = f'<testsuites><testsuite tests="9" failures="0">{own}{inner}</testsuite></testsuites>'
        suite = f"open(out, 'w').write({report!r})\n"
        part = night({"code": 0, "evidence": evidence("pass")}, suite=suite).parts[1]
        assert part.verdict == verdict
        assert part.tests == {"passed": 3 - failures, "failed": failures, "errors": 0, "skipped": 1}


@pytest.mark.parametrize("order", [("pass", "product failure"), ("product failure", "pass")])
def test_the_worst_of_several_verdicts_counts(
    night: Callable[..., BoardNight], order: tuple[str, str]
) -> None:
    """A suite may be several runs of pytest whose reports somebody joined."""
    joined = "".join(
        f'<testsuite><properties>{proofs_of()}<property name="tinysine.verdict" value="{says}"/></properties>'
        f"{cases(1)}</testsuite>"
        for says in order
    )
    suite = f"open(out, 'w').write({f'<testsuites>{joined}</testsuites>'!r})\nsys.exit(1)\n"
    assert night({"code": 0, "evidence": evidence("pass")}, suite=suite).parts[1].verdict == "fail"


@pytest.mark.long
def test_a_shell_that_loses_the_exit_code_is_no_pass(tmp_path: Path) -> None:
    """`sh -c 'pytest ... || true' --` with a failing test: the report is believed."""
    (tmp_path / "test_wrong.py").write_text("def test_right(): pass\n\ndef test_wrong(): assert False\n")
    line = f'{sys.executable} -m pytest -q -p no:cacheprovider {tmp_path} "$@" || true'
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "out", suite=("sh", "-c", line, "--"))
    part = after(orders, HOST_JOB)[0].parts[1]
    assert (part.verdict, part.tests["failed"]) == ("error", 1)
    assert "exit code 0, but the report counts 1 failure" in part.reason


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass"], 0),
        (["pass", "fail"], 1),
        (["error", "fail"], 1),
        (["pass", "error"], 3),
        (["pass", "input"], 3),
        (["error", "input", "pass"], 3),
        (["error", "input", "fail"], 1),
        ([], 3),
    ],
)
def test_exit_code(verdicts: list[str], code: int) -> None:
    """The product's failure goes before a board that was not judged, and a night without a board is no pass; 2 is for
    what keeps it from starting.
    """
    parts: dict[str, Part] = {
        "pass": Part("verify", PASS),
        "fail": Part("verify", PRODUCT),
        "error": Part("verify", BENCH),
        "input": Part("verify", BAD_INPUT),
    }
    nights = [BoardNight(HOST_JOB, "host", (parts[verdict],)) for verdict in verdicts]
    assert exit_code_of_night(nights) == code


def test_a_board_that_has_to_be_attached_has_to_be_hardware(night: Callable[..., BoardNight]) -> None:
    """A twin behind the port of a bench file is no board that was required, though it passes."""
    for kind, verdict in (("hardware", "pass"), ("emulated", "error"), ("unknown", "error")):
        result = night({"code": 0, "evidence": evidence("pass", kind=kind)}, port="/dev/x", required=True)
        assert result.verdict == verdict
        assert (f"/dev/x is {kind}" in result.parts[0].reason) == (verdict == "error")
    assert night({"code": 0, "evidence": evidence("pass", kind="unknown")}, port="/dev/x").verdict


BAD_REPORTS = {
    "an encoding that nobody knows": "<?xml version='1.0' encoding='klingon'?><testsuite tests='1'/>",
    "ten thousand floors": "<testsuite>" * 10_000 + "</testsuite>" * 10_000,
}


@pytest.mark.parametrize("report", BAD_REPORTS.values(), ids=BAD_REPORTS.keys())
def test_a_bad_report_costs_one_part_of_one_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    """The night goes on with the other boards, and ends with all of them."""
    verified = (Part("verify", PASS), recorded("pass"))
    monkeypatch.setattr("tinysine.bench.nightly.verify_part", lambda *_arguments: verified)
    suite = tmp_path / "suite.py"
    good = f"<testsuite><properties>{proofs_of()}</properties>{cases(1)}</testsuite>"
    suite.write_text(
        "import os, sys\n"
        "bad = os.environ['TINYSINE_PORT'] == 'bad'\n"
        f"text = {report!r} if bad else {good!r}\n"
        "open(sys.argv[-1].split('=')[1], 'w').write(text)\n"
    )
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path, suite=(sys.executable, str(suite)), timeout_s=60)
    boards = after(orders, Job("a", "host", "bad"), Job("b", "host", "good"))
    assert [board.parts[1].verdict for board in boards] == ["error", "pass"]
