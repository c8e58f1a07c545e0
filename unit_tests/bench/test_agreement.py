"""Boards with the same model answer the same bytes, or the night names the one that does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tinysine.bench import nightly
from tinysine.bench.agreement import agreements
from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan, exit_code_of_night
from tinysine.bench.night_report import junit, night_runs, write_summary
from tinysine.bench.nightly import NightRun
from tinysine.errors import PASS
from tinysine.evidence import Document, read_evidence
from tinysine.reports import markdown, night_page

PASSED = Path(__file__).parents[1] / "cases" / "evidence" / "passed.json"
INPUTS = ((-128,), (0,), (5,))


def answering(*device: int, model: str = "") -> Document:
    """Evidence of a board that passed, and said this to the three inputs."""
    found = read_evidence(PASSED)
    assert found.outputs is not None
    assert found.provenance is not None
    rows = tuple((code,) for code in device)
    return msgspec.structs.replace(
        found,
        outputs=msgspec.structs.replace(found.outputs, inputs=INPUTS, device=rows, arrays=None),
        provenance=msgspec.structs.replace(
            found.provenance, model_sha256=model or found.provenance.model_sha256
        ),
    )


def test_the_board_in_the_minority_is_named(tmp_path: Path) -> None:
    """With both answers, and how many inputs differ; boards of another model are held against each other only."""
    fleet = {
        "a": answering(1, 2, 3),
        "b": answering(1, 2, 4),
        "c": answering(1, 2, 3),
        "other": answering(9, 9, 9, model="f" * 64),
    }
    (found,) = agreements(fleet, tmp_path)
    assert found.boards == ("a", "b", "c")
    assert found.inputs == 3
    assert list(found.outliers) == ["b"]
    assert found.outliers["b"].startswith("b answers 4 to input 5, and 2 others (a, c) answer 3: 1 of 3")
    (found,) = agreements({name: answering(1, 2, 3) for name in "ab"}, tmp_path)
    assert str(found) == "a, b gave the same answers to 3 inputs"
    assert agreements({"a": answering(1, 2, 3)}, tmp_path) == ()


@pytest.fixture
def night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[NightRun, list[BoardNight]]]:
    """Run a night whose boards all pass `verify` with these answers."""

    def run(**answers: tuple[int, ...]) -> tuple[NightRun, list[BoardNight]]:
        def verify(
            job: Job, _orders: Orders, _folder: Path, _stop: threading.Event, _earlier: Document | None
        ) -> tuple[Part, Document]:
            return Part("verify", PASS), answering(*answers[job.label])

        monkeypatch.setattr(nightly, "verify_part", verify)
        jobs = tuple(Job(label, "nano33ble-sense", None) for label in answers)
        done = NightRun(Plan(jobs, ()), Orders(model=PASSED, out=tmp_path))
        done.run()
        return done, done.boards()

    return run


def test_an_outlier_fails_the_night_wherever_it_is_read(
    tmp_path: Path, night: Callable[..., tuple[NightRun, list[BoardNight]]]
) -> None:
    """Each board has passed by itself; the exit code, the summary, JUnit and the page name the one that differs."""
    _, boards = night(a=(1, 2, 3), b=(1, 0, 3), c=(1, 2, 3))
    assert [board.verdict for board in boards] == ["pass", "fail", "pass"]
    assert exit_code_of_night(boards) == 1
    runs = night_runs(boards, time_utc="2026-11-29T00:00:00Z")
    write_summary(tmp_path, boards, runs)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["exit_code"] == 1
    assert summary["boards"][1]["parts"][-1]["name"] == "agreement"
    said = "b answers 0 to input 0, and 2 others (a, c) answer 2: 1 of 3 shared inputs differ"
    for text in (json.dumps(summary), junit(boards, runs), markdown(night_page(boards, runs, out=tmp_path))):
        assert said in text


def test_boards_that_agree_pass(night: Callable[..., tuple[NightRun, list[BoardNight]]]) -> None:
    """And it is known of how many inputs."""
    done, boards = night(a=(1, 2, 3), b=(1, 2, 3))
    assert exit_code_of_night(boards) == 0
    assert [str(one) for one in done.agreements] == ["a, b gave the same answers to 3 inputs"]
