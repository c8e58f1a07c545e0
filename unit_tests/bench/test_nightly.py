"""A night on a made-up bench: who is told what, what hangs, what is tried again, and what ends it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan, exit_code_of_night
from tinysine.bench.night_report import night_runs
from tinysine.bench.nightly import NightRun
from tinysine.bench.quarantine import read_quarantine, write_quarantine
from tinysine.errors import BENCH, PASS, PRODUCT
from tinysine.model import REFERENCE_MODEL
from tinysine.reports import markdown, night_page
from unit_tests.bench.made_up_nights import HOST_JOB, after, evidence, suite_that


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
        "tinysine.bench.night_parts.python_command", lambda *words: [sys.executable, "-c", show, *words]
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

    monkeypatch.setattr("tinysine.bench.nightly.verify_part", verify)
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
    monkeypatch.setattr("tinysine.bench.nightly.verify_part", verify)
    real = [Job(f"r{number}", "host", "/dev/x") for number in range(3)]
    emulated = [Job("t", "host", None), Job("u", "host", None)]
    boards = after(Orders(model=REFERENCE_MODEL, out=tmp_path / "out"), *real, *emulated)
    assert {board.verdict for board in boards} == {"pass"}


def test_both_parts_are_told_the_nights_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says; by the variables that `verify` and the pytest plugin read."""
    show = "import os; print(*(os.environ[f'TINYSINE_{n}'] for n in ('ENGINE', 'REFERENCE')))"
    monkeypatch.setenv("TINYSINE_ENGINE", "another")
    monkeypatch.setenv("TINYSINE_ROUNDING", "litert")
    monkeypatch.setattr(
        "tinysine.bench.night_parts.python_command", lambda *_words: [sys.executable, "-c", show]
    )
    suite = (sys.executable, "-c", show)
    orders = Orders(
        model=REFERENCE_MODEL, out=tmp_path / "out", suite=suite, engine="/mine", reference="tflm"
    )
    assert [part.output for part in after(orders, HOST_JOB)[0].parts] == ["/mine tflm\n"] * 2


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


def test_an_unexpected_error_is_said_of_its_part(
    night: Callable[..., BoardNight], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By class and message, with the traceback in the part's log; the board's suite runs all the same."""

    def broken(*_arguments: object, **_options: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr("tinysine.bench.night_parts.read_evidence", broken)
    parts = night({"code": 0, "evidence": evidence("pass")}, suite=suite_that(0, tests=1)).parts
    assert [(part.name, part.verdict, part.reason) for part in parts] == [
        ("verify", "error", "unexpected MemoryError: no room"),
        ("suite", "pass", ""),
    ]
    for trace in (parts[0].output, (tmp_path / "out" / "host" / "verify.log").read_text()):
        assert "in broken\n" in trace
        assert trace.endswith("MemoryError: no room\n")
