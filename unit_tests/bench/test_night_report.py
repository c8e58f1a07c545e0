"""The files of a night: JUnit, summary and page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema

from tinysine.bench.night import BoardNight, Job, Part
from tinysine.bench.night_report import junit, night_runs, write_summary
from tinysine.errors import BENCH, PASS, PRODUCT
from tinysine.reports import markdown, night_page
from tinysine.schemas import schema
from unit_tests.bench.made_up_nights import HOST_JOB, recorded


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
