"""Figures from night to night: like is compared with like, and each change is shown."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tinysine.bench.night import BoardNight, Job, Orders, Part
from tinysine.bench.night_parts import gates_part
from tinysine.bench.night_report import night_runs, rows
from tinysine.bench.trends import measured, previous, trend, unit_of
from tinysine.errors import BAD_INPUT, BENCH, PASS, PRODUCT
from tinysine.evidence import read_evidence
from tinysine.history import Figure, History, HistoryRun, read_gates
from tinysine.reports import markdown, night_page
from tinysine.verdicts import Stage

CASES = Path(__file__).parents[1] / "cases" / "evidence"


def run_with(*, latency: float | None = 200.0, unit: str = "cycles", **changes: Any) -> HistoryRun:
    """A night's run; a latency of None is one that was not measured."""
    facts: dict[str, Any] = {
        "started_utc": "2026-01-01T00:00:00Z",
        "command": "nightly",
        "board": "nano",
        "kind": "emulated",
        "verdict": "pass",
        "model_sha256": "m",
        "engine": "generated",
        "reference": "litert",
        "figures": () if latency is None else (Figure("latency.median", latency, unit, better="lower"),),
    }
    return HistoryRun(**facts | changes)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"latency": 1.0, "started_utc": "other"}, True),
        ({"board": "edge"}, False),
        ({"kind": "hardware"}, False),
        ({"verdict": "fail"}, False),
        ({"unit": "instructions"}, False),
        ({"model_sha256": "other"}, True),
        ({"engine": "other"}, False),
        ({"reference": "tflm"}, False),
    ],
)
def test_like_is_compared_with_like(tmp_path: Path, change: dict[str, Any], counts: bool) -> None:
    """Another board, kind, unit, engine or reference is no yardstick, nor is a night that did not pass."""
    earlier = run_with(**change)
    with History(tmp_path / "h.sqlite") as history:
        history.add([earlier])
        assert previous(history, run_with()) == (earlier if counts else None)


def test_the_last_night_before_this_one_counts(tmp_path: Path) -> None:
    """Not the first, and not this one."""
    later = run_with(latency=300.0)
    with History(tmp_path / "h.sqlite") as history:
        numbers = history.add([run_with(), later, run_with(verdict="error"), run_with(latency=9.0)])
        assert previous(history, run_with(), before=numbers[-1]) == later


@pytest.mark.parametrize(
    ("now", "then", "shown"),
    [
        (220.0, 200.0, "220 (+10.0 %)"),
        (190.0, 200.0, "190 (-5.0 %)"),
        (200.0, 200.0, "200 (=)"),
        (2905.0, None, "2,905"),
        (None, 200.0, ""),
        (5.0, 0.0, "5 (was 0)"),
    ],
)
def test_a_figure_shows_its_change(now: float | None, then: float | None, shown: str) -> None:
    """In per cent; a figure that was not measured is absent, not 0."""
    assert trend(run_with(latency=now), run_with(latency=then), "latency") == shown


def test_the_change_of_a_noisy_clocks_figure_is_left_out() -> None:
    """A computer's nanoseconds wander by a fifth from night to night: no change is shown, only about how long."""
    now, then = (run_with(kind="host", unit="ns", latency=value) for value in (412.0, 330.0))
    assert trend(now, then, "latency") == "about 412"


def test_another_model_does_not_start_from_nothing(tmp_path: Path) -> None:
    """The row says that the model changed, and shows both figures."""
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with(latency=331.0)])
        (row,) = rows([run_with(latency=2289.0, model_sha256="other")], history)
    assert row[2:4] == ("pass, model changed", "2,289 (was 331) cycles")


@pytest.mark.parametrize("name", [None, "ended_early"])
def test_evidence_that_got_nowhere_gives_a_run(name: str | None) -> None:
    """With the verdict, and no figures."""
    document = None if name is None else read_evidence(CASES / f"{name}.json")
    (run,) = night_runs([BoardNight(Job("b", "b", None), "k", (), document)], time_utc="t")
    assert (run.verdict, measured(run), unit_of(run)) == ("error", {}, None)


def test_the_figures_of_a_run_are_those_that_are_declared() -> None:
    """By their names, in the order of the table, with the unit of the latency; parts are its tests."""
    document = read_evidence(CASES / "passed.json")
    part = Part("verify", PASS, seconds=1.5)
    (run,) = night_runs([BoardNight(Job("b", "b", None), "k", (part,), document)], time_utc="t")
    assert list(measured(run).items()) == [
        ("latency", 105.0),
        ("flash_bytes", 8000),
        ("static_ram_bytes", 900),
        ("stack_bytes", 300),
        ("arena_bytes", 96),
    ]
    assert (unit_of(run), run.flaky, run.unique_id) == ("instructions", True, "5457494e00000001")
    assert [(test.name, test.verdict, test.seconds) for test in run.tests] == [("verify", "pass", 1.5)]


def test_a_night_judges_gates_by_the_evidence_of_verify(tmp_path: Path) -> None:
    """A part of its own: the product's fault where one breaks, the bench's where nothing was measured."""
    (tmp_path / "b").mkdir()
    history = tmp_path / "h.sqlite"
    with History(history) as kept:
        kept.add(
            [run_with(board="nano33ble-sense", latency=100.0, unit="instructions", model_sha256="a" * 64)]
        )
    orders = Orders(
        model=tmp_path / "m.tflite",
        out=tmp_path,
        gates=read_gates(["instructions +0 %", "flash_bytes <= 8000", "flash_bytes <= 7999"]),
        history=history,
    )
    shutil.copy(CASES / "passed.json", tmp_path / "b" / "evidence.json")
    document = read_evidence(tmp_path / "b" / "evidence.json")
    of_one = read_gates(["flash_bytes <= 1", "stack_bytes <= 1"])
    gates = [
        *orders.gates,
        *(replace(gate, boards=(id,)) for gate, id in zip(of_one, ("x", "y"), strict=True)),
    ]
    job = Job("b", "b", None, place="x")
    part, _ = gates_part(job, replace(orders, gates=tuple(gates)), tmp_path, threading.Event(), document)
    assert "'flash_bytes <= 1' does not hold: memory.flash_bytes is 8,000 bytes on x (" in part.reason
    assert "stack_bytes" not in part.reason
    part, failed = gates_part(Job("b", "b", None), orders, tmp_path / "b", threading.Event(), document)
    assert part.cause is PRODUCT
    assert failed == read_evidence(tmp_path / "b" / "evidence.json")
    assert failed is not None
    assert (failed.verdict, [finding.stage for finding in failed.findings]) == ("fail", [Stage.GATE])
    assert failed.outputs == document.outputs
    assert "'flash_bytes <= 7999' does not hold" in part.reason
    assert "8000'" not in part.reason
    assert "flash_bytes <= 8000: holds" in (tmp_path / "b" / "gates.log").read_text()
    part, _ = gates_part(Job("b", "b", None), orders, tmp_path / "b", threading.Event(), None)
    assert part.cause is BENCH


def test_a_night_says_which_gates_were_not_judged_and_why_a_history_was_of_no_use(tmp_path: Path) -> None:
    """On the page, not in a log alone; a damaged history is the part's cause."""
    history = tmp_path / "h.sqlite"
    History(history).close()
    orders = Orders(
        model=tmp_path / "m.tflite", out=tmp_path, gates=read_gates(["instructions +0 %"]), history=history
    )
    document = read_evidence(CASES / "passed.json")
    job = Job("b", "b", None)
    part, _ = gates_part(job, orders, tmp_path, threading.Event(), document)
    assert part.cause is PASS
    assert "was not judged: " in part.reason
    nights = [BoardNight(job, "k", (part,), document)]
    page = markdown(night_page(nights, night_runs(nights, time_utc="2026-01-01T00:00:00Z"), out=tmp_path))
    assert "### What was not judged" in page
    history.write_text("a diary")
    part, _ = gates_part(job, orders, tmp_path, threading.Event(), document)
    assert part.cause is BAD_INPUT
