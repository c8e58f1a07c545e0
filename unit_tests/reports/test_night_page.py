"""The page of a night and the index of nights: every board is named rightly, and one way serves HTML and Markdown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tinysine.bench.night import BoardNight, Job, Part
from tinysine.bench.night_report import night_runs, write_facts
from tinysine.bench.suite_report import read_suite
from tinysine.errors import BENCH, PASS, PRODUCT, ConfigError
from tinysine.evidence import Document
from tinysine.history import Commit, History, HistoryRun, TestOutcome, read_gates
from tinysine.outside_json import read_json_file
from tinysine.reports import limits_of, markdown, night_page, render, run_page, write_index
from tinysine.reports.past import past_of

Make = Callable[[str], Document]
TEST = TestOutcome("hil.test_outputs::test_equal", "fail", 1.0, "engine: 3 answers equal no reference")


def a_night(document: Make) -> list[BoardNight]:
    """A pass, a flaky one, a regression with a failing test, a board that is not there."""
    passed = document("passed")
    assert passed.provenance is not None
    assert passed.provenance.link is not None
    calm = msgspec.structs.replace(passed.provenance.link, retries=0, corrupt=0)
    calm_one = msgspec.structs.replace(
        passed, provenance=msgspec.structs.replace(passed.provenance, link=calm)
    )
    suite = Part("suite", PRODUCT, "1 failed", 2.0, "", {"passed": 3, "failed": 1}, (TEST,))
    return [
        BoardNight(Job("good", "nano33ble-sense", None), "emulated", (Part("verify", PASS),), calm_one),
        BoardNight(
            Job("loose", "nano33ble-sense", "/dev/ttyACM1"), "hardware", (Part("verify", PASS),), passed
        ),
        BoardNight(Job("slow", "sparkfun-edge", None), "emulated", (Part("verify", PASS), suite), calm_one),
        BoardNight(Job("gone", "host", None, True), "missing", (Part("attached", BENCH, "it is not there"),)),
    ]


def runs_of(nights: list[BoardNight], **changes: dict[str, float]) -> list[HistoryRun]:
    """Their runs; some figures may be others than in the evidence."""
    runs = night_runs(nights, time_utc="2026-01-02T00:00:00Z", night="n", commit=Commit("c" * 40, True))
    for number, night in enumerate(nights):
        other = changes.get(night.job.label, {})
        figures = (
            msgspec.structs.replace(f, value=other.get(f.name.rpartition(".")[2], f.value))
            for f in runs[number].figures
        )
        runs[number] = msgspec.structs.replace(runs[number], figures=tuple(figures))
    return runs


def test_each_kind_of_trouble_is_named_rightly(document: Make, tmp_path: Path) -> None:
    """The regression, the dead board and the flaky one come first, by name; the good one is not among them."""
    nights = a_night(document)
    page = night_page(nights, runs_of(nights), out=tmp_path)
    said = {(reason.where, reason.tone): reason.text for reason in page.verdict.reasons}
    assert page.verdict.word == "FAIL"
    assert page.verdict.sentence == "2 of 4 boards passed, 1 failed, 1 could not be judged"
    assert said["slow", "bad"] == "suite: 1 failed"
    assert said["gone", "warn"] == "attached: it is not there"
    assert said["loose", "warn"].startswith("flaky: 1 request sent again")
    assert {where for where, _ in said} == {"slow", "gone", "loose"}
    for text in (markdown(page), render(page)):
        assert "engine: 3 answers equal no reference" in text
        assert "MISSING" in text
        assert "PASS, FLAKY" in text


def test_a_reason_that_boards_share_is_said_once(tmp_path: Path) -> None:
    """As of a night that was cut off; up to three boards stand before it, more are counted and then named."""
    why = "the night was cut off before this was done"
    for labels, where in ((["a", "b"], "a, b"), (["a", "b", "c", "d"], "4 boards")):
        part = Part("verify", BENCH, why, cut_off=True)
        nights = [BoardNight(Job(label, "host", None), "not reached", (part,)) for label in labels]
        page = night_page(nights, runs_of(nights), out=tmp_path)
        (reason,) = page.verdict.reasons
        assert (reason.where, reason.text) == (where, f"verify: {why}")
        assert all(label in f"{reason.where} {reason.more}" for label in labels)
        text = markdown(page)
        assert text.count(why) == 1
        assert text.count("NOT REACHED") == len(labels)


def test_what_changed_since_the_last_pass_is_shown_by_board(document: Make, tmp_path: Path) -> None:
    """One instruction more is worse, and named with its board; a changed model is said, and judged by nobody."""
    nights = a_night(document)
    with History(tmp_path / "h.sqlite") as history:
        earlier = runs_of(nights, slow={"median": 104.0}, good={"flash_bytes": 7999})
        earlier = [msgspec.structs.replace(run, verdict="pass") for run in earlier]
        earlier[0] = msgspec.structs.replace(earlier[0], model_sha256="0" * 64)
        history.add(earlier)
        runs = runs_of(nights)
        before = min(history.add(runs))
        text = markdown(night_page(nights, runs, out=tmp_path, history=history, before=before))
    changes = text[text.index("### Since the last pass") : text.index("### Boards")]
    assert "| slow | latency, instructions | 104 | 105 | +1.0 % | worse |" in changes
    assert "| good | flash, bytes | 7,999 | 8,000 | +0.0 % | not judged |" in changes
    assert "- **good** the model changed" in changes
    assert "loose" not in changes


def test_boards_without_an_earlier_pass_are_counted_where_nothing_changed(
    document: Make, tmp_path: Path
) -> None:
    """Their figures are not the same as any: they were held against nothing."""
    nights = a_night(document)
    with History(tmp_path / "h.sqlite") as history:
        history.add([msgspec.structs.replace(runs_of(nights)[0], verdict="pass")])
        runs = runs_of(nights)
        before = min(history.add(runs))
        text = markdown(night_page(nights, runs, out=tmp_path, history=history, before=before))
    assert (
        f"all figures of 1 board are the same. There is no earlier pass of {len(nights) - 1} boards." in text
    )


def test_a_trend_has_every_run_and_its_limit(document: Make, tmp_path: Path) -> None:
    """The figure's runs are counted, the limit of a gate is told, and a figure of another clock is left out."""
    nights = a_night(document)[:1]
    (run,) = runs_of(nights)
    gates = read_gates(["flash_bytes <= 8100", "cycles <= 7", "instructions +0 %"])
    with History(tmp_path / "h.sqlite") as history:
        for flash in (7990, 8000, 8010):
            history.add(runs_of(nights, good={"flash_bytes": flash}))
        past = past_of(run, history, limits=limits_of(run, gates))
    assert past.limits == {"memory.flash_bytes": 8100.0}
    assert len(past.runs) == 4
    document_ = nights[0].evidence
    assert document_ is not None
    text = render(run_page(document_, {}, past))
    assert "4 runs since 2026-01-02, 7,990 to 8,010; 8,100 allowed" in text


def test_without_a_history_nothing_is_said_of_the_past(document: Make, tmp_path: Path) -> None:
    """Nothing is held against anything, and no section says that it was."""
    nights = a_night(document)
    assert "Since the last pass" not in markdown(night_page(nights, runs_of(nights), out=tmp_path))


def test_an_index_leads_to_every_night(document: Make, tmp_path: Path) -> None:
    """The latest is the first; a folder that is no night is none; a strange name leads nowhere else."""
    nights = a_night(document)
    for day, name in (("2026-01-01", "a"), ("2026-01-03", 'c"<b>'), ("2026-01-02", "b")):
        folder = tmp_path / name
        folder.mkdir()
        write_facts(folder, nights, night_runs(nights, time_utc=f"{day}T00:00:00Z"))
        (folder / "report.html").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "summary.json").write_text('{"schema": "tinysine.night/1"}')
    write_index(tmp_path)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    places = [text.index(f'href="{name}/report.html"') for name in ("c%22%3Cb%3E", "b", "a")]
    assert places == sorted(places)
    assert "broken" not in text
    assert text.count("not judged") == 3
    assert "The last of 3 nights: 2026-01-03" in text
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(ConfigError, match="something else than a report"):
        write_index(tmp_path)


def test_an_index_of_one_night_counts_none(document: Make, tmp_path: Path) -> None:
    """The first night is not the last of several."""
    nights = a_night(document)
    folder = tmp_path / "a"
    folder.mkdir()
    write_facts(folder, nights, night_runs(nights, time_utc="2026-01-01T00:00:00Z"))
    write_index(tmp_path)
    assert "The only night: 2026-01-01" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_summary_names_the_tests_that_failed(document: Make, tmp_path: Path) -> None:
    """For programs, too."""
    nights = a_night(document)
    write_facts(tmp_path, nights, runs_of(nights))
    boards: list[Any] = read_json_file(tmp_path / "summary.json")["boards"]
    (wrong,) = boards[2]["parts"][1]["wrong"]
    assert wrong["name"] == TEST.name
    assert "wrong" not in boards[0]["parts"][0]


def test_failing_tests_are_read_from_a_suite_by_name(tmp_path: Path) -> None:
    """With what they said first; those that passed or were skipped are not among them."""
    file = tmp_path / "suite.xml"
    file.write_text(
        '<testsuites><testsuite name="pytest"><testcase classname="hil.test_a" name="test_x[1]" time="0.5">'
        '<failure message="AssertionError: 3 differ">long text</failure></testcase>'
        '<testcase classname="hil.test_a" name="test_y"><error>no port</error></testcase>'
        '<testcase classname="hil.test_a" name="test_z"/>'
        '<testcase classname="hil.test_a" name="test_s"><skipped message="no"/></testcase></testsuite></testsuites>'
    )
    found = read_suite(file).wrong
    assert [(one.name, one.verdict, one.reason) for one in found] == [
        ("hil.test_a::test_x[1]", "fail", "AssertionError: 3 differ"),
        ("hil.test_a::test_y", "error", "no port"),
    ]
