"""The page of one run: the verdict first, what is absent absent, and nothing that a device says is more than text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from tinysine.errors import ConfigError
from tinysine.evidence import Document
from tinysine.evidence.files import arrays_of_file
from tinysine.history.figures import kept_fields
from tinysine.report_file import check_page_writable, is_report, write_page
from tinysine.reports import render, run_page
from tinysine.reports.answers import curve_of
from tinysine.reports.past import figure_in_words
from tinysine.verdicts import Finding, Stage

Make = Callable[[str], Document]
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}\x1b[31m\u202e\x00\ud800</title></svg>"


class Words(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a tag."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def page_of(document: Document, arrays: dict[str, Any] | None = None) -> Words:
    """The page, read as a browser reads it."""
    return Words(render(run_page(document, arrays or {})))


def codes() -> dict[str, Any]:
    """All 256 inputs, and answers of which three are wrong."""
    inputs = np.arange(-128, 128, dtype=np.int8)[:, None]
    expected = np.round(127 * np.sin((inputs + 128.0) * 2 * np.pi / 255)).astype(np.int8)
    device = expected.copy()
    device[[3, 100, 200]] += 2
    return {"inputs": inputs, "device": device, "expected": expected}


def test_the_verdict_and_its_reason_come_first(document: Make) -> None:
    """The first words of a page are the verdict; the findings follow before any figure."""
    page = page_of(document("failed"))
    body = page.text[page.text.index("FAIL", page.text.index("}")) :]
    assert body.index("answers are wrong: ±1 code") < body.index("Latency and memory")
    assert "first wrong" in body


def test_the_id_of_the_board_is_on_its_page(document: Make) -> None:
    """Of several boards of one type it tells which; a board without one is named by its type alone."""
    evidence = document("passed")
    assert evidence.board is not None
    name = evidence.board.name
    page = run_page(evidence, {}, place="left")
    assert f" on left ({name}, " in page.title
    assert "<dt>Id</dt>" in render(page)
    assert "<dt>Id</dt>" not in render(run_page(evidence, {}))
    assert f" on {name} (" in run_page(evidence, {}).title


def test_what_is_absent_in_the_evidence_is_absent_on_the_page(document: Make) -> None:
    """A run that found no board has no curve, no latency, no board's id; the error and its hint are there."""
    page = page_of(document("ended_early"))
    assert "BENCH FAILED" in page.text
    assert "no answer" in page.text
    assert "plug it in" in page.text
    for absent in ("Latency and memory", "Answers", "Classes", "References", "Unique id", "None"):
        assert absent not in page.text


def test_device_minus_reference_is_a_panel_of_its_own(document: Make) -> None:
    """The wrong answers are counted in codes, and each says what it is and what it should be."""
    evidence = document("passed")
    page = page_of(evidence, codes())
    assert "Device minus reference, in codes" in page.text
    assert "Not zero at 3 of 256 inputs, 2 codes at most." in page.text
    assert "input -125: 11 instead of 9" in page.text


def test_a_device_that_is_right_differs_nowhere(document: Make) -> None:
    """Without answers of the reference the device's are the reference's, and the difference is zero."""
    evidence = document("passed")
    arrays = codes()
    page = page_of(evidence, {"inputs": arrays["inputs"], "device": arrays["expected"]})
    assert "Zero at each of 256 inputs." in page.text


def test_a_curve_is_in_real_units_and_in_order(document: Make) -> None:
    """Codes become reals by the scale and zero point that the evidence tells."""
    evidence = document("passed")
    curve = curve_of(evidence, {name: values[::-1] for name, values in codes().items()})
    assert curve is not None
    assert curve.x[0] == 0.0
    assert curve.x[-1] == pytest.approx(2 * np.pi)
    assert np.all(np.diff(curve.x) > 0)
    assert sorted(np.unique(curve.differences)) == [0.0, 2.0]


def test_no_page_loads_anything_or_runs_anything(document: Make) -> None:
    """There is no script, no link to another file, and a policy that forbids both."""
    evidence = document("passed")
    page = page_of(evidence, codes())
    assert not {"script", "iframe", "object", "img", "base", "form"} & set(page.tags)
    leading = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(value == "data:," or (value or "").startswith("#") for value in leading)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    policy = [value or "" for name, value in page.attributes if name == "content"]
    assert any("default-src 'none'" in value for value in policy)


def test_hostile_text_is_text(document: Make) -> None:
    """Whatever a device, a file's name or a finding says makes no tag, no attribute, and moves nothing."""
    evidence = document("passed")
    told = msgspec.structs.replace(evidence.provenance, model_file=HOSTILE, engine=HOSTILE, platform=HOSTILE)
    board = msgspec.structs.replace(evidence.board, name=HOSTILE, port=HOSTILE, proof=HOSTILE)
    harmless = page_of(evidence, codes())
    hostile = msgspec.structs.replace(
        evidence, provenance=told, board=board, verdict="fail", findings=(Finding(Stage.ENGINE, HOSTILE),)
    )
    text = render(run_page(hostile, codes()))
    page = Words(text)
    assert "script" not in page.tags
    assert page.tags.count("title") == harmless.tags.count("title")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)
    assert "{{7*7}}" in page.text


def test_the_pictures_are_well_formed(document: Make) -> None:
    """Each SVG is XML, and says what it shows."""
    evidence = document("passed")
    text = render(run_page(evidence, codes()))
    pictures = re.findall(r"<svg class=.*?</svg>(?=\s*(?:</div>|<small>))", text, re.S)
    assert len(pictures) >= 5
    for picture in pictures:
        assert ET.fromstring(picture).findtext("title")


def test_classes_are_counted_and_drawn(document: Make) -> None:
    """Accuracy of device, reference and float model, and the confusion of the device."""
    page = page_of(document("passed"))
    assert "75.00%" in page.text
    assert "Confusion of the device" in page.text
    assert "into another class" in page.text


def test_layers_say_that_they_are_equal_and_which_have_no_bar(document: Make) -> None:
    """A count of what was compared stands on the page, and the layers whose cost is lost in noise; or what differs."""
    failed = document("failed")
    assert "1 of 2 layers differ" in page_of(failed).text
    assert failed.layers is not None
    rows = tuple(
        replace(row, differing=0, first=None, cost=None if row.layer == 2 else row.cost)
        for row in failed.layers.rows
    )
    text = " ".join(page_of(replace(failed, layers=replace(failed.layers, rows=rows))).text.split())
    assert "all equal in 2 layers" in text
    assert "9 values compared with those of litert, bit for bit" in text
    assert f"Not shown{rows[2].name}" in text
    assert "smaller than the noise" in text


def test_what_no_layer_could_be_asked_is_not_called_equal(document: Make) -> None:
    """Nothing compared is no agreement."""
    failed = document("failed")
    assert failed.layers is not None
    nothing = replace(failed.layers, rows=failed.layers.rows[:1])
    text = page_of(replace(failed, layers=nothing)).text
    assert "not compared" in text
    assert "all equal" not in text


def test_an_accuracy_says_how_many_of_how_many(document: Make) -> None:
    """A share, and the count that it is of."""
    passed = document("passed")
    assert passed.classes is not None
    right = round(passed.classes.device * passed.classes.samples)
    assert f"{right:,} of {passed.classes.samples:,}" in page_of(passed).text


def test_the_engines_own_plan_is_no_limit(document: Make) -> None:
    """An arena that is full, as planned, is no bar at its end."""
    passed = document("passed")
    assert passed.memory is not None
    planned = replace(passed.memory, arena_bytes=17568, arena_high_water_bytes=17568, stack_budget_bytes=None)
    text = page_of(replace(passed, memory=planned)).text
    assert "planned by the engine; 17,568 B of it were used" in text
    assert "100% of what is allowed" not in text


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("classes.device", "accuracy: device"),
        ("classes.changed_count", "accuracy: inputs in another class than the reference's"),
        ("memory.model_bytes", "memory: model"),
        ("layers.rows.differing", "layers: differing"),
    ],
)
def test_a_figure_is_named_with_what_it_is_of(figure: str, words: str) -> None:
    """Under "Since the last pass", too, where no heading says it."""
    assert figure_in_words(figure) == words


def test_no_two_figures_have_one_name() -> None:
    """Of all that are kept; those of lists have their element's name beside it."""
    names = [
        ("[]" in field.path, figure_in_words(".".join(step for step in field.path if step != "[]")))
        for field in kept_fields()
    ]
    assert len(set(names)) == len(names)


def test_a_report_takes_the_place_of_a_report_only(tmp_path: Path, document: Make) -> None:
    """Another file is refused before any work; a report is replaced."""
    path = tmp_path / "report.html"
    write_page(path, render(run_page(document("passed"), {})))
    assert is_report(path)
    check_page_writable(path)
    path.write_text("<!doctype html><title>mine</title>", encoding="utf-8")
    with pytest.raises(ConfigError, match="something else than a report"):
        check_page_writable(path)
    with pytest.raises(ConfigError, match="is a folder"):
        check_page_writable(tmp_path)


def test_changed_arrays_are_not_shown(tmp_path: Path, document: Make) -> None:
    """A file of arrays that is missing, or is not the one the evidence tells of, is none."""
    evidence = document("large")
    assert evidence.outputs is not None
    assert arrays_of_file(evidence, tmp_path / "large.json") == {}
    np.savez(tmp_path / "large.json.npz", inputs=np.zeros(3, np.uint8), device=np.zeros(3, np.uint8))
    assert arrays_of_file(evidence, tmp_path / "large.json") == {}


@pytest.mark.parametrize("kind", ["pipe", "standard output"])
def test_a_report_is_a_file(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody reads would wait for ever, and `-` would be a file of that name."""
    monkeypatch.chdir(tmp_path)
    path = Path("-")
    if kind == "pipe":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with pytest.raises(ConfigError, match="is not a regular file"):
        check_page_writable(path)
