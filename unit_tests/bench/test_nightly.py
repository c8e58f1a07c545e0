"""A night on a made-up bench: what passes, what fails, what hangs, what lies, and what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan, exit_code_of_night
from tinysine.bench.night_report import junit, night_runs, write_summary
from tinysine.bench.nightly import NightRun
from tinysine.bench.quarantine import read_quarantine, write_quarantine
from tinysine.bench.suite_report import SuiteReport, reconcile_exit_and_report
from tinysine.commands.app import run_app
from tinysine.commands.night_folder import make_folder
from tinysine.errors import BAD_INPUT, BENCH, INTERRUPTED, PASS, PRODUCT, Cause, ConfigError
from tinysine.evidence import Document, from_document
from tinysine.history import History, HistoryRun
from tinysine.model import REFERENCE_MODEL
from tinysine.processes import Finished
from tinysine.reports import markdown, night_page
from tinysine.schemas import schema

HOST_JOB = Job("host", "host", None)

JUNIT = """<testsuites><testsuite name="pytest"><properties>
<property name="tinysine.verdict" value="{verdict}" />{proofs}</properties>{cases}</testsuite></testsuites>"""
# What a suite's report has to say of the board that `evidence` is about.
FACTS = {"board": "host", "rig": "hardware", "model_sha256": "ab" * 32, "build_id": "cd" * 16, "requests": 5}

FAKE_VERIFY = """
import json, os, sys, time
out = sys.argv[sys.argv.index("--json") + 1]
facts = json.loads(os.environ["FAKE"])
if facts.get("hang"): time.sleep(600)
if facts.get("evidence"): open(out, "w").write(json.dumps(facts["evidence"]))
if facts.get("says"): print(facts["says"], file=sys.stderr)
sys.exit(facts["code"])
"""


def evidence(verdict: str, *, kind: str = "hardware", reason: str = "") -> dict[str, Any]:
    """Facts that a night reads of a run's evidence."""
    error = {"kind": "LinkTimeout", "message": "no answer", "hint": "plug it in", "exit_code": 3}
    return {
        "schema": "tinysine.evidence/1",
        "verdict": verdict,
        "findings": [{"stage": "engine", "reason": reason or "3 differ"}]
        if reason or verdict == "fail"
        else [],
        "board": {"name": "host", "kind": kind, "chip": "", "clock_hz": 0, "port": "", "proof": ""},
        "outputs": {
            "checked": 1,
            "exhaustive": False,
            "reference": "litert",
            "mismatches": 0,
            "max_abs_diff": 0,
            "first_mismatches": [],
            "against": {},
            "inputs": [[0]],
            "device": [[0]],
        },
        "latency": {"unit": "cycles", "min": 390, "median": 400.0, "max": 410, "counts": []},
        "memory": {
            "arena_bytes": 0,
            "arena_high_water_bytes": 0,
            "flash_bytes": 7000,
            "static_ram_bytes": 600,
            "stack_bytes": 150,
        },
        "provenance": {
            "model_file": "m.tflite",
            "model_sha256": "ab" * 32,
            "rounding": "litert",
            "seed": 0,
            "started_utc": "",
            "finished_utc": "",
            "build_id": "cd" * 16,
            "device": {
                "board": "host",
                "engine": "generated",
                "protocol": "2.0",
                "build_id": "cd" * 16,
                "model_sha256": "ab" * 32,
                "pruned": False,
                "size_profile": False,
                "unique_id": "u",
                "counter": "DWT",
                "payload_max": 256,
            },
            "flaky": False,
        },
        "stages_s": {},
        **({"error": error} if verdict == "error" else {}),
    }


def recorded(verdict: str) -> Document:
    """The same, read."""
    return from_document(evidence(verdict), file="evidence.json")


def after(orders: Orders, *jobs: Job) -> list[BoardNight]:
    """Results of the boards of a night."""
    run = NightRun(Plan(jobs, ()), orders)
    run.run()
    return run.boards()


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BoardNight]:
    """A night of one board, whose `verify` and suite do what a test says."""
    (tmp_path / "verify.py").write_text(FAKE_VERIFY)
    (tmp_path / "python").write_text(f'#!/bin/sh\nshift 3\nexec {sys.executable} {tmp_path}/verify.py "$@"\n')
    (tmp_path / "python").chmod(0o755)

    def night(
        verify: dict[str, object],
        *,
        suite: str = "",
        timeout_s: float = 30,
        port: str | None = None,
        required: bool = False,
    ) -> BoardNight:
        monkeypatch.setenv("FAKE", json.dumps(verify))
        command: tuple[str, ...] = ()
        if suite:
            (tmp_path / "suite.py").write_text("import os, sys\nout = sys.argv[-1].split('=')[1]\n" + suite)
            command = (sys.executable, str(tmp_path / "suite.py"))
        job = Job("host", "host", port, required)
        orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "out", suite=command, timeout_s=timeout_s)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(tmp_path / "python"))
            return after(orders, job)[0]

    return night


def proofs_of(**others: object) -> str:
    """The properties that prove a suite's board; one that is None is left out."""
    facts = {name: value for name, value in (FACTS | others).items() if value is not None}
    return "".join(f'<property name="tinysine.{name}" value="{value}" />' for name, value in facts.items())


def cases(tests: int = 0, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    """Test cases of a report, those that did not pass among them."""
    ends = ["<failure/>"] * failures + ["<error/>"] * errors + ["<skipped/>"] * skipped
    ends += [""] * (tests - len(ends))
    return "".join(f'<testcase name="t">{end}</testcase>' for end in ends)


def suite_that(code: int, *, verdict: str = "", proofs: str | None = None, **counts: int) -> str:
    """A suite that leaves a report and ends."""
    proofs = proofs_of() if proofs is None else proofs
    report = JUNIT.format(verdict=verdict, proofs=proofs, cases=cases(**counts))
    return f"open(out, 'w').write({report!r})\nprint('the last line')\nsys.exit({code})\n"


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


def test_what_hangs_is_killed_and_the_rest_goes_on(night: Callable[..., BoardNight]) -> None:
    """A deadline for each part."""
    result = night({"code": 0, "hang": True}, suite=suite_that(0, tests=1), timeout_s=1)
    assert [part.verdict for part in result.parts] == ["error", "pass"]
    assert "no end within 1 s" in result.parts[0].reason


@pytest.mark.long
def test_a_suite_that_is_not_installed_is_a_bench_failure(tmp_path: Path) -> None:
    """The night does not fall over it."""
    orders = Orders(model=tmp_path / "none.tflite", out=tmp_path / "out", suite=(str(tmp_path / "tox"),))
    (board,) = after(orders, HOST_JOB)
    assert [part.verdict for part in board.parts] == ["error", "error"]
    assert "No such file" in board.parts[1].reason


def test_the_suite_is_told_board_port_and_model(night: Callable[..., BoardNight]) -> None:
    """By the variables that the pytest plugin reads."""
    show = "print(*(os.environ[f'TINYSINE_{n}'] for n in ('BOARD', 'PORT', 'MODEL')), sep='|')\nsys.exit(1)\n"
    output = night({"code": 3}, suite=show, port="/dev/x").parts[1].output
    assert output == f"host|/dev/x|{REFERENCE_MODEL.resolve()}\n"


def test_a_board_of_the_bench_is_named_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process finds once where it is, by the bench file; profile and inputs are the night's."""
    show = (
        "import os, sys; n = ('PLACE', 'PORT', 'BENCH', 'OPTIMIZE', 'DATA'); "
        "print(*(os.environ.get(f'TINYSINE_{name}', '-') for name in n), *sys.argv[1:])"
    )
    monkeypatch.setattr(
        "tinysine.bench.nightly.python_command", lambda *words: [sys.executable, "-c", show, *words]
    )
    orders = Orders(
        model=REFERENCE_MODEL,
        out=tmp_path / "out",
        suite=(sys.executable, "-c", show),
        bench_file="/b.toml",
        optimize="size",
        data=Path("/d.npz"),
    )
    job = Job("left", "host", "/dev/x", place="left")
    verify, suite = (part.output.split() for part in after(orders, job)[0].parts)
    assert verify[:5] == suite[:5] == ["left", "-", "/b.toml", "size", "/d.npz"]
    told = " ".join(verify[5:])
    assert " --place left --bench /b.toml " in told
    assert " --optimize size --data /d.npz " in told
    assert "--port" not in told


def test_what_the_bench_failed_is_tried_again_and_a_pass_then_is_flaky(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first reason stays to be read; what a product failed is tried once."""
    causes = iter([BENCH, PASS, PRODUCT])
    asked: list[str] = []

    def verify(job: Job, *_rest: object) -> tuple[Part, None]:
        asked.append(job.label)
        return Part("verify", next(causes), "silent" if len(asked) == 1 else ""), None

    monkeypatch.setattr("tinysine.bench.nightly._verify", verify)
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "out", retries=3, at_once=1)
    first, second = after(orders, Job("a", "host", None), Job("b", "host", None))
    assert (first.verdict, first.parts[0].flaky) == ("pass", "tried 2 times: silent")
    assert (second.verdict, second.parts[0].flaky) == ("fail", "")
    assert asked == ["a", "a", "b"]
    runs = night_runs([first, second], time_utc="t")
    assert [run.flaky for run in runs] == [True, False]
    page = markdown(night_page([first, second], runs, out=tmp_path))
    assert "flaky: verify: tried 2 times: silent" in page


def test_all_boards_are_tested_at_once_and_as_many_twins_as_there_are_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real board waits most of the time; a twin needs a core."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    together = threading.Barrier(3)  # three real boards meet only if all run at once

    def verify(job: Job, *_rest: object) -> tuple[Part, None]:
        if job.port is not None:
            together.wait(60)
        else:
            twins.append(job.label)
            assert len(twins) == 1
            twins.pop()
        return Part("verify", PASS), None

    twins: list[str] = []
    monkeypatch.setattr("tinysine.bench.nightly._verify", verify)
    real = [Job(f"r{number}", "host", "/dev/x") for number in range(3)]
    twins = [Job("t", "host", None), Job("u", "host", None)]
    boards = after(Orders(model=REFERENCE_MODEL, out=tmp_path / "out"), *real, *twins)
    assert {board.verdict for board in boards} == {"pass"}


def test_both_parts_are_told_the_nights_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says; by the variables that `verify` and the pytest plugin read."""
    show = "import os; print(*(os.environ[f'TINYSINE_{n}'] for n in ('ENGINE', 'REFERENCE')))"
    monkeypatch.setenv("TINYSINE_ENGINE", "another")
    monkeypatch.setenv("TINYSINE_ROUNDING", "litert")
    monkeypatch.setattr("tinysine.bench.nightly.python_command", lambda *_words: [sys.executable, "-c", show])
    suite = (sys.executable, "-c", show)
    orders = Orders(
        model=REFERENCE_MODEL, out=tmp_path / "out", suite=suite, engine="/mine", reference="tflm"
    )
    assert [part.output for part in after(orders, HOST_JOB)[0].parts] == ["/mine tflm\n"] * 2


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


def test_boards_that_a_night_did_not_reach_are_no_pass(tmp_path: Path) -> None:
    """A board that was cut off is in the report, as the bench's fault."""
    (board,) = NightRun(Plan((HOST_JOB,), ()), Orders(model=REFERENCE_MODEL, out=tmp_path)).boards()
    assert (board.verdict, board.kind) == ("error", "not reached")
    assert "cut off" in board.parts[0].reason


def test_a_night_ends_at_its_limit_and_says_so(
    night: Callable[..., BoardNight], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that runs is killed, the rest is not begun; no board is to blame for that, and none is quarantined."""
    night({"code": 0, "evidence": evidence("pass")}, suite="")
    monkeypatch.setenv("FAKE", json.dumps({"hang": True}))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    jobs = [Job(label, "host", f"/dev/{label}", place=label) for label in ("first", "second")]
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "cut", at_once=1, night_timeout_s=0.5, retries=2)
    run = NightRun(Plan(tuple(jobs), ()), orders)
    run.run()
    first, second = nights = run.boards()
    assert [part.reason for part in first.parts] == ["the night reached its limit of 0.5 s: killed"]
    assert [part.reason for part in second.parts] == [
        "the night reached its limit of 0.5 s before this was done"
    ]
    assert second.kind == "not reached"
    assert exit_code_of_night(nights) == 3
    write_quarantine(tmp_path / "q.json", nights, now=datetime.now(UTC), hours=1)
    assert read_quarantine(tmp_path / "q.json") == {}


def test_what_was_found_before_a_night_is_cut_off_counts(
    night: Callable[..., BoardNight], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product that failed has failed, and a board that was done is done, though nobody had been told yet."""
    night({"code": 0, "evidence": evidence("pass")}, suite="")
    wrong = {"code": 1, "evidence": evidence("fail", reason="3 differ")}
    monkeypatch.setenv("FAKE", json.dumps(wrong))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    jobs = [Job(label, "host", None) for label in ("first", "second", "third")]
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "cut", suite=("true",), at_once=1)

    def interrupt(job: Job, part: Part) -> None:
        if (job.label, part.name) == ("second", "verify"):
            raise KeyboardInterrupt

    run = NightRun(Plan(tuple(jobs), ()), orders, on_part=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    first, second, third = run.boards()
    assert first.parts[0].reason == "3 differ"
    assert "cut off" not in first.parts[1].reason
    assert [(part.name, part.verdict) for part in second.parts] == [("verify", "fail"), ("suite", "error")]
    assert "cut off" in second.parts[1].reason
    assert second.verdict == "fail"
    assert second.evidence is not None
    assert second.evidence.findings[0].reason == "3 differ"
    assert third.verdict in ("error", "fail")


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
    monkeypatch.setattr("tinysine.bench.nightly._verify", lambda *_arguments: verified)
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


def test_an_unexpected_error_is_said_of_its_part(
    night: Callable[..., BoardNight], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By class and message, with the traceback in the part's log; the board's suite runs all the same."""

    def broken(*_arguments: object, **_options: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr("tinysine.bench.nightly.read_evidence", broken)
    parts = night({"code": 0, "evidence": evidence("pass")}, suite=suite_that(0, tests=1)).parts
    assert [(part.name, part.verdict, part.reason) for part in parts] == [
        ("verify", "error", "unexpected MemoryError: no room"),
        ("suite", "pass", ""),
    ]
    for trace in (parts[0].output, (tmp_path / "out" / "host" / "verify.log").read_text()):
        assert "in broken\n" in trace
        assert trace.endswith("MemoryError: no room\n")


def some_nights() -> list[BoardNight]:
    """One of each kind."""
    return [
        BoardNight(HOST_JOB, "hardware", (Part("verify", PASS, seconds=1.5),), recorded("pass")),
        BoardNight(
            Job("edge", "sparkfun-edge", "/dev/x"),
            "hardware",
            (
                Part("verify", PRODUCT, "3 | differ", 2.0, "out\x1b[31m\x00<put>"),
                Part("suite", BENCH, "no port", tests={"passed": 3, "skipped": 1}),
            ),
            recorded("fail"),
        ),
        BoardNight(Job("nano", "nano33ble-sense", None), "missing", (Part("attached", BENCH, "is not"),)),
    ]


def test_junit_tells_failures_from_errors() -> None:
    """A suite for each board with its figures; what a terminal prints does not break the XML."""
    nights = some_nights()
    root = ET.fromstring(junit(nights, night_runs(nights, time_utc="2026-01-01T00:00:00Z")))
    suites = list(root.iter("testsuite"))
    counts = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors")) for s in suites]
    assert counts == [("host", "1", "0", "0"), ("edge", "2", "1", "1"), ("nano", "1", "0", "1")]
    properties = {p.get("name"): p.get("value") for p in suites[0].iter("property")}
    assert properties["tinysine.latency"] == "400.0"
    assert properties["tinysine.device_unique_id"] == "u"
    properties = {p.get("name"): p.get("value") for p in suites[1].iter("property")}
    assert (properties["tinysine.suite_passed"], properties["tinysine.suite_skipped"]) == ("3", "1")
    failure = next(root.iter("failure"))
    assert failure.get("message") == "3 | differ"
    assert "<put>" in str(failure.text)


def test_the_summary_keeps_to_its_schema(tmp_path: Path) -> None:
    """Its boards have their figures by the names of the evidence; what is not known is absent."""
    nights = some_nights()
    write_summary(tmp_path, nights, night_runs(nights, time_utc="2026-01-01T00:00:00Z"))
    summary = json.loads((tmp_path / "summary.json").read_text())
    jsonschema.Draft202012Validator(schema("night")).validate(summary)
    host, edge, missing = summary["boards"]
    assert (host["latency"], host["latency_unit"], host["flash_bytes"]) == (400.0, "cycles", 7000)
    assert host["device_unique_id"] == "u"
    assert "port" not in host
    assert edge["parts"][0] == {
        "name": "verify",
        "verdict": "fail",
        "cause": "product",
        "reason": "3 | differ",
        "seconds": 2.0,
        "tests": {},
    }
    assert not {"latency", "flash_bytes", "build_id"} & set(missing)


def test_the_page_shows_the_table_and_what_went_wrong(tmp_path: Path) -> None:
    """The verdict and every reason first; a bar in a reason does not break the table's columns."""
    nights = some_nights()
    lines = night_runs(nights, time_utc="2026-01-01T00:00:00Z")
    page = markdown(night_page(nights, lines, out=tmp_path))
    assert page.startswith("## FAIL: 1 of 3 boards passed, 1 failed, 1 could not be judged\n")
    assert "| host | hardware | pass | 400 cycles | 7,000 | 600 | 150 | 0 |" in page
    assert "| missing | error |  |" in page
    assert "- **edge** verify: 3 \\| differ\n" in page


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `tinysine nightly` in a folder of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tinysine", "nightly", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.mark.long
def test_a_night_on_twins(program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """Two real nights: everything passes, is written down, and the second is compared with the first."""
    first = program("--boards", "host,nano33ble-sense", "--jobs", 2)
    assert first.returncode == 0, first.stdout + first.stderr
    out = tmp_path / "nightly"
    for name in ("host", "nano33ble-sense"):
        assert json.loads((out / name / "evidence.json").read_text())["verdict"] == "pass"
    second = program("--boards", "nano33ble-sense", "--jobs", 2)
    assert second.returncode == 0
    with History(tmp_path / "history.sqlite", write=False) as history:
        kept = history.runs()
        latencies = history.series("latency.median", "instructions", board="nano33ble-sense")
    assert [run.run.board for run in reversed(kept)] == ["host", "nano33ble-sense", "nano33ble-sense"]
    assert [kept.number for kept, _ in latencies] == [3, 2]
    # The second night has replaced nothing: it has a folder of its own, which it names.
    (own,) = out.glob("20*")
    assert f"wrote nightly/{own.name}" in second.stdout
    assert {path.name for path in out.glob("*/evidence.json") for path in [path.parent]} == {
        "host",
        "nano33ble-sense",
    }
    assert f"{latencies[0][1]:,.0f} (=) instructions" in (own / "summary.md").read_text()
    summary = json.loads((own / "summary.json").read_text())
    assert (summary["exit_code"], [board["board"] for board in summary["boards"]]) == (0, ["nano33ble-sense"])


@pytest.mark.long
def test_a_missing_board_fails_the_bench(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Exit code 3, although its twin passed; with --dated in a folder named for the time."""
    ended = program("--boards", "host", "--require", "host", "--dated", "--history", "h.sqlite")
    assert ended.returncode == 3
    (folder,) = (tmp_path / "nightly").glob("20*")
    summary = json.loads((folder / "summary.json").read_text())
    assert [(board["kind"], board["verdict"]) for board in summary["boards"]] == [
        ("host", "pass"),
        ("missing", "error"),
    ]
    assert (tmp_path / "h.sqlite").exists()


def test_a_folder_with_something_else_is_left_alone(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A night goes only where nothing is, or earlier nights."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years")
    ended = program("--boards", "host", "--out", "thesis")
    assert ended.returncode == 2
    assert "nothing was touched" in ended.stderr
    assert (tmp_path / "thesis" / "chapter").read_text() == "years"


def test_no_night_replaces_another(tmp_path: Path) -> None:
    """Each has a folder of its own, also in the same second, and beside its history; what is no night's is refused."""
    out, history = tmp_path / "n", tmp_path / "n" / "history.sqlite"

    def make() -> Path:
        folder = make_folder(out, stamp="2026-01-01-000000", history=history)
        (folder / "summary.json").write_text('{"schema": "tinysine.night/1"}')
        return folder

    out.mkdir()
    history.write_text("earlier\n")
    names = ["", "2026-01-01-000000", "2026-01-01-000000-2"]
    assert [make() for _ in names] == [out / name for name in names]
    assert history.read_text() == "earlier\n"
    (out / "summary.json").unlink()  # a folder of dated nights alone
    assert make() == out / "2026-01-01-000000-3"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "history.sqlite").touch()
    with pytest.raises(ConfigError, match="nothing was touched"):
        make_folder(tmp_path / "other", stamp="s", history=history)
    (tmp_path / "link").symlink_to("other")
    beside = tmp_path / "n" / ".." / "link" / "history.sqlite"  # the same file, named in another way
    assert make_folder(tmp_path / "other", stamp="s", history=beside) == tmp_path / "other"


def test_nights_that_begin_at_once_have_a_folder_each(tmp_path: Path) -> None:
    """Eight threads let go at the same moment into a folder that is new: no two are given the same one."""
    rounds, nights = 12, 8
    for number in range(rounds):
        out, together = tmp_path / str(number), threading.Barrier(nights)

        def make(_night: int, out: Path = out, together: threading.Barrier = together) -> Path:
            together.wait()
            return make_folder(out, stamp="2026-01-01-000000")

        with ThreadPoolExecutor(nights) as pool:
            folders = list(pool.map(make, range(nights)))
        assert len(set(folders)) == nights
        assert out in folders


def test_a_folder_is_claimed_before_anything_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night that looked while the folder was still empty finds it taken, and has one of its own beneath."""
    out = tmp_path / "n"
    assert make_folder(out, stamp="s") == out
    monkeypatch.setattr(Path, "iterdir", lambda _folder: iter(()))
    assert make_folder(out, stamp="s") == out / "s"


def test_a_night_that_could_not_begin_leaves_its_folder_free(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its history could not be written: the next night has the folder that is named."""
    (here / "folder").mkdir()
    assert run_app(["nightly", "--boards", "host", "--history", "folder"]) == 2
    assert list((here / "nightly").iterdir()) == []
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host"]) == 0
    assert (here / "nightly" / "summary.json").exists()


def test_a_bad_model_ends_a_night_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the exit code and the words of `verify`, and with nothing written."""
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "bad.tflite"
    model.write_bytes(b"no model")
    said = []
    for command in (["verify", str(model)], ["nightly", "--boards", "host", "--model", str(model)]):
        assert run_app(command) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] != ""
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tflite"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_a_night_that_is_cut_off_leaves_what_it_found(tmp_path: Path, number: signal.Signals) -> None:
    """Its processes end, also if it is killed, and the report says what was not reached."""
    hang = tmp_path / "hang.py"
    hang.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    command = [
        sys.executable,
        "-m",
        "tinysine",
        "nightly",
        "--boards",
        "host",
        "--suite",
        f"{sys.executable} {hang}",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "verify pass" in process.stdout.readline()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
    suite_process = psutil.Process(int((tmp_path / "pid").read_text()))
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    suite_process.wait(0 if number == signal.SIGTERM else 30)  # a night that is told to end has ended it
    summary = json.loads((tmp_path / "nightly" / "summary.json").read_text())
    assert summary["boards"][0]["verdict"] == "error"
    verify, suite = summary["boards"][0]["parts"]
    assert verify["verdict"] == "pass"
    assert "cut off" in suite["reason"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to run `tinysine nightly` in, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def night_that_found(
    cause: Cause, monkeypatch: pytest.MonkeyPatch, *, end: BaseException | None = None
) -> None:
    """The boards of the next nights are not tested: they are said to have come to this."""

    def run(self: NightRun) -> None:
        for parts in self._parts.values():
            parts.append(Part("verify", cause, "3 differ"))
        if end is not None:
            raise end

    monkeypatch.setattr(NightRun, "run", run)


def kept_runs(folder: Path) -> list[HistoryRun]:
    """The runs of a folder's history, oldest first."""
    with History(folder / "history.sqlite", write=False) as history:
        return [kept.run for kept in reversed(history.runs())]


def test_files_whose_names_only_begin_as_the_historys_are_not_a_nights(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a summary of somebody else's is left alone."""
    (here / "docs").mkdir()
    (here / "docs" / "summary.md").write_text("my own notes")
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host", "--out", "docs", "--history", "docs/s"]) == 2
    assert (here / "docs" / "summary.md").read_text() == "my own notes"


def test_a_history_of_an_earlier_version_is_taken_over(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: the first night reads the lines beside its folder, and leaves them."""
    line = '{"schema": "tinysine.history/1", "time_utc": "2025", "board": "edge", "kind": "x", "verdict": "pass"}'
    (here / "history.jsonl").write_text(line + "\n")
    night_that_found(PASS, monkeypatch)
    for _ in range(2):
        assert run_app(["nightly", "--boards", "host"]) == 0
    assert [run.board for run in kept_runs(here)] == ["edge", "host", "host"]
    assert (here / "history.jsonl").read_text() == line + "\n"


def test_a_night_with_an_engine_of_the_users_names_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the history, the summary, JUnit and the page; a relative folder is found from everywhere."""
    seen: list[Orders] = []

    def run(self: NightRun) -> None:
        seen.append(self._orders)
        for parts in self._parts.values():
            parts.append(Part("verify", PASS))

    monkeypatch.setattr(NightRun, "run", run)
    (here / "mine").mkdir()
    (here / "mine" / "engine.toml").write_text('name = "mine-1"\nsources = ["x.c"]\nreferences = ["tflm"]\n')
    (here / "mine" / "x.c").write_text("")
    assert run_app(["nightly", "--boards", "host", "--engine", "mine", "--reference", "tflm"]) == 0
    (orders,) = seen
    assert (orders.engine, orders.reference) == (str(here / "mine"), "tflm")
    (run,) = kept_runs(here)
    assert (run.engine, run.reference) == ("mine-1", "tflm")
    (board,) = json.loads((here / "nightly" / "summary.json").read_text())["boards"]
    assert (board["engine"], board["reference"]) == ("mine-1", "tflm")
    assert 'name="tinysine.engine" value="mine-1"' in (here / "nightly" / "junit.xml").read_text()
    assert "with the engine mine-1, reference tflm\n" in (here / "nightly" / "summary.md").read_text()
    # No board could answer as litert: nothing is begun.
    assert run_app(["nightly", "--boards", "host", "--engine", "mine", "--out", "other"]) == 2
    assert not (here / "other").exists()


def test_what_needs_earlier_nights_is_written_last(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a history does to the table, the night's own facts are kept, and the traceback in the log."""

    def broken(*_arguments: object, **_options: object) -> object:
        raise OverflowError("too large")

    night_that_found(PRODUCT, monkeypatch)
    monkeypatch.setattr("tinysine.bench.night_report.rows", broken)
    monkeypatch.setattr("platformdirs.user_log_path", lambda _name: here / "logs")
    run_app(["nightly", "--boards", "host"])
    assert "in broken\n" in (here / "logs" / "tinysine.log").read_text()
    assert f"the details are in {here / 'logs' / 'tinysine.log'}" in capsys.readouterr().err
    assert json.loads((here / "nightly" / "summary.json").read_text())["exit_code"] == 1
    assert (here / "nightly" / "junit.xml").exists()
    assert len(kept_runs(here)) == 1


def test_a_night_that_is_cut_off_after_a_product_failed_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, as of a whole night, with the failure in the report."""
    night_that_found(PRODUCT, monkeypatch, end=SystemExit(143))
    assert run_app(["nightly", "--boards", "host", "--suite", "true"]) == 1
    assert "cut off" in capsys.readouterr().err
    summary = json.loads((here / "nightly" / "summary.json").read_text())
    assert (summary["exit_code"], summary["boards"][0]["verdict"]) == (1, "fail")
    assert [run.verdict for run in kept_runs(here)] == ["fail"]


def test_a_night_that_crashed_does_not_stop_the_next(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut there is a summary that says so; the next night has a folder of its own beside it."""
    left: list[dict[str, object]] = []

    def crash(_self: NightRun) -> None:
        (here / "nightly" / "host").mkdir()
        (here / "nightly" / "host" / "verify.log").write_text("half a li")
        left.append(json.loads((here / "nightly" / "summary.json").read_text()))
        shutil.copytree(here / "nightly", here / "crashed")

    monkeypatch.setattr(NightRun, "run", crash)
    run_app(["nightly", "--boards", "host"])
    assert left[0]["exit_code"] == 3
    assert "cut off" in str(left[0]["boards"])
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host", "--out", "crashed"]) == 0
    assert (here / "crashed" / "host" / "verify.log").read_text() == "half a li"
    (own,) = (here / "crashed").glob("20*")
    assert json.loads((own / "summary.json").read_text())["exit_code"] == 0


def full(*_arguments: object, **_options: object) -> None:
    """A disk on which there is no room."""
    raise ConfigError("no space left")


@pytest.mark.parametrize(
    "what",
    ["history.History.add", "bench.night_report.write_facts", "commands.report_kept.write_page"],
)
@pytest.mark.parametrize("ended", [(PRODUCT, 1), (PASS, 2), (BENCH, 2)])
def test_a_product_that_failed_counts_for_more_than_a_full_disk(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    ended: tuple[Cause, int],
) -> None:
    """A file that could not be written is named in any case, and the rest is written."""
    cause, code = ended
    night_that_found(cause, monkeypatch)
    monkeypatch.setattr(f"tinysine.{what}", full)
    assert run_app(["nightly", "--boards", "host"]) == code
    assert "no space left" in capsys.readouterr().err
    # The summary of before the night, in which all of it was cut off, stays where that of the night cannot be written.
    summary, page = here / "nightly" / "summary.json", here / "nightly" / "summary.md"
    written = [path for path in (summary, page) if path.exists() and "cut off" not in path.read_text()]
    assert len(written) + len(kept_runs(here)) == 2


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("", ["report.html", "index.html"]),
        ("reports.write_index", ["report.html"]),
        ("commands.night_run.write_night", ["index.html"]),
        ("history.History.add", ["report.html", "index.html"]),
    ],
)
def test_only_reports_that_were_written_are_named(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    told: list[str],
) -> None:
    """A disk that is full before the last file: nobody is sent to one that does not exist."""
    night_that_found(PASS, monkeypatch)
    if what:
        monkeypatch.setattr(f"tinysine.{what}", full)
    run_app(["nightly", "--boards", "host"])
    _, _, wrote = "".join(capsys.readouterr().out.splitlines()).partition("wrote ")
    assert [name for name in ("report.html", "index.html") if name in wrote] == told
    for name in told:
        assert list(here.rglob(name))


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize("history", ["/dev/full", "file/history.sqlite", "folder", "loop"])
def test_a_history_that_cannot_be_written_is_found_out_before_the_night(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], history: str
) -> None:
    """Not after hours of tests."""
    (here / "file").touch()
    (here / "folder").mkdir()
    (here / "loop").symlink_to("loop")
    begun: list[object] = []
    monkeypatch.setattr(NightRun, "run", begun.append)
    assert run_app(["nightly", "--boards", "host", "--history", history]) == 2
    assert "name another with --history" in capsys.readouterr().err
    assert begun == []
