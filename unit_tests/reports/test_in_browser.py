"""Reports as a browser shows them: no word on the console, nothing loaded, nothing beyond the edge of the window.

Screenshots are kept beside the JUnit report, in `screenshots`, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tinysine.bench.night_report import write_facts
from tinysine.evidence import Document
from tinysine.history import History, read_gates
from tinysine.record import to_json
from tinysine.report_file import write_page
from tinysine.reports import (
    limits_of,
    night_page,
    past_of,
    render,
    run_page,
    write_index,
)
from tinysine.reports.view import Page
from tinysine.tasks import judge_classes
from tinysine.verdicts import Finding, LayerRow, Layers, Stage
from unit_tests.reports.browser import look_at, screenshots, started_tab
from unit_tests.reports.test_night_page import a_night, runs_of
from unit_tests.reports.test_run_page import codes

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("playwright")]
Make = Callable[[str], Document]


@pytest.fixture(scope="module")
def tab(require: Callable[[str], str]) -> Iterator[Any]:
    """Start the browser once, with one tab."""
    require("playwright")
    with started_tab(require("chromium")) as started:
        yield started


@pytest.fixture
def look(
    tab: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path, str], list[str]]:
    """Show a page in each of LOOKS, and hold it against what is asked of every page; returns the texts."""
    return partial(look_at, tab, folder=screenshots(request.config, tmp_path_factory))


def failing(document: Make) -> Page:
    """A regression in three answers, with layers, a budget that is exceeded, and names without a blank."""
    evidence = document("passed")
    rows = (
        LayerRow(
            0,
            "FULLY_CONNECTED",
            "hidden_" + 60 * "x",
            dtype="int8",
            values=16,
            checked=256,
            differing=0,
            cost=88,
        ),
        LayerRow(
            1,
            "FULLY_CONNECTED",
            "y",
            dtype="int8",
            values=1,
            checked=256,
            differing=3,
            max_abs_diff=2,
            cost=-9,
        ),
    )
    assert evidence.latency is not None
    assert evidence.provenance is not None
    assert evidence.board is not None
    evidence = msgspec.structs.replace(
        evidence,
        verdict="fail",
        findings=(Finding(Stage.ENGINE, "3 answers equal no reference"),),
        latency=msgspec.structs.replace(evidence.latency, budget=100),
        layers=Layers(reference="litert", unit="instructions", rows=rows),
        provenance=msgspec.structs.replace(evidence.provenance, model_file=300 * "m"),
        board=msgspec.structs.replace(evidence.board, port="/dev/serial/by-id/" + 200 * "p"),
    )
    return run_page(evidence, codes())


def classifier(document: Make) -> Page:
    """A hundred inputs of ten classes, of which the device reads some wrongly."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 10, 100)
    scores = random.integers(-128, 0, (100, 10)).astype(np.int8)
    scores[np.arange(100), labels] += random.integers(0, 127, 100).astype(np.int8)
    classes = judge_classes(labels=labels, device=scores, reference=np.roll(scores, 1, axis=1))
    return run_page(msgspec.structs.replace(document("passed"), classes=classes), {})


@pytest.mark.long
def test_a_failing_run_is_shown_whole(
    look: Callable[[Path, str], list[str]], document: Make, tmp_path: Path
) -> None:
    """On a desktop and on a phone; its reason can be read without a click."""
    file = tmp_path / "report.html"
    write_page(file, render(failing(document)))
    for text in look(file, "fail"):
        assert text.startswith("FAIL\n")
        assert "3 answers equal no reference" in text


@pytest.mark.long
def test_every_kind_of_page_is_shown_whole(
    look: Callable[[Path, str], list[str]], document: Make, tmp_path: Path
) -> None:
    """A pass, no board, a classifier, and a night with a regression, a flaky board and one that is not there."""
    nights = a_night(document)
    for day in (1, 2):
        folder = tmp_path / f"night-{day}"
        folder.mkdir()
        write_facts(folder, nights, runs_of(nights))
        for night in nights:
            (folder / night.job.label).mkdir()
            if night.evidence is not None:
                document_ = msgspec.json.encode(to_json(night.evidence))
                (folder / night.job.label / "evidence.json").write_bytes(document_)
    with History(tmp_path / "h.sqlite") as history:
        history.add(runs_of(nights, slow={"median": 104.0}))
        runs = runs_of(nights)
        before = min(history.add(runs))
        gates = read_gates(["flash_bytes <= 8100"])
        past = past_of(runs[0], history, before=before, limits=limits_of(runs[0], gates))
        arrays = codes()
        arrays["device"] = arrays["expected"]
        pages = {
            "pass": run_page(document("passed"), arrays, past),
            "no-board": run_page(document("ended_early"), {}),
            "several-outputs": run_page(document("failed"), {}),
            "classes": classifier(document),
            "night": night_page(nights, runs, out=folder, history=history, before=before, gates=gates),
        }
    write_index(tmp_path)
    for name, page in pages.items():
        file = folder / f"{name}.html"
        write_page(file, render(page))
        assert all(page.verdict.word in text for text in look(file, name))
    assert all("The last of 2 nights" in text for text in look(tmp_path / "index.html", "index"))
