"""Reports as a browser shows them: no word on the console, nothing loaded, nothing beyond the edge of the window.

Screenshots are kept beside the JUnit report, in `screenshots`, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tinysine.bench.night_report import write_facts
from tinysine.evidence import Document
from tinysine.history import History, read_gates
from tinysine.record import to_json
from tinysine.reports import (
    limits_of,
    night_page,
    past_of,
    render,
    run_page,
    write_index,
    write_page,
)
from tinysine.reports.view import Page
from tinysine.tasks import judge_classes
from tinysine.verdicts import Finding, LayerRow, Layers, Stage
from unit_tests.reports.test_night_page import a_night, runs_of
from unit_tests.reports.test_run_page import codes

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("playwright")]
Make = Callable[[str], Document]

# Widths with a colour scheme each: a desktop, a phone.
LOOKS = ((1280, "dark"), (390, "light"))
# Whatever reaches beyond the window at the right, or is drawn without a size.
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
  const b = e.getBoundingClientRect(); return b.width && b.right > innerWidth + 1;
}).map(e => e.outerHTML.slice(0, 120))"""
UNDRAWN = """() => [...document.querySelectorAll('svg[role=img]')].filter(e => {
  const b = e.getBoundingClientRect(); return b.width < 40 || b.height < 8;
}).map(e => e.outerHTML.slice(0, 120))"""
OPEN = "() => document.querySelectorAll('details').forEach(one => { one.open = true })"


@pytest.fixture(scope="module")
def tab(require: Callable[[str], str]) -> Iterator[Any]:
    """Start the browser once, with one tab: each costs a second of processor time."""
    chromium = require("chromium")
    require("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu"])
        yield started.new_page()
        started.close()


@pytest.fixture(scope="module")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go."""
    junit = request.config.getoption("xmlpath", None)
    folder = Path(junit).parent / "screenshots" if junit else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def look(tab: Any, screenshots: Path) -> Iterator[Callable[[Path, str], list[str]]]:
    """Show a page in each of LOOKS, and hold it against what is asked of every page; returns the texts."""
    said: list[str] = []
    listeners = {
        "console": lambda message: said.append(f"console: {message.text}"),
        "pageerror": lambda error: said.append(f"error: {error}"),
        "request": lambda request: said.append(f"request: {request.url}"),
    }

    def shown(file: Path, name: str) -> list[str]:
        said.clear()
        tab.goto(file.as_uri())
        tab.evaluate(OPEN)
        texts = [_look(tab, screenshots, name, width=width, scheme=scheme) for width, scheme in LOOKS]
        own = f"request: {file.as_uri()}"
        assert [line for line in said if line not in (own, "request: data:,")] == []
        return texts

    for event, listener in listeners.items():
        tab.on(event, listener)
    yield shown
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)


def _look(tab: Any, screenshots: Path, name: str, *, width: int, scheme: str) -> str:
    """Look at the page that is open; returns its text."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    tab.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate(UNDRAWN) == []
    assert tab.evaluate("document.querySelector('.word').getBoundingClientRect().top") < 100
    return str(tab.inner_text("body"))


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
