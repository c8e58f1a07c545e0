"""Figures from night to night: kept line by line, compared like with like."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tinysine.bench.history import (
    HistoryLine,
    append_history,
    line_from_evidence,
    previous,
    read_history,
    trend,
)
from tinysine.errors import BenchError, ConfigError
from tinysine.evidence import read_evidence

CASES = Path(__file__).parents[1] / "cases" / "evidence"

LINE = HistoryLine(
    "2026-01-01T00:00:00Z",
    "nano",
    "emulated",
    "pass",
    unit="cycles",
    figures={"latency": 200.0},
    model_sha256="m",
)


def changed(line: HistoryLine, **change: Any) -> HistoryLine:
    """The line with other values; a latency of None is one that was not measured."""
    if "latency" in change:
        latency = change.pop("latency")
        change["figures"] = {} if latency is None else {"latency": latency}
    return replace(line, **change)


def test_lines_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """They have null for what was not measured, and their bytes are those of today for the rest."""
    path = tmp_path / "history.jsonl"
    path.write_text(
        '{"schema": "tinysine.history/1", "time_utc": "2026-01-01T00:00:00Z", "board": "nano", "kind": "emulated", '
        '"verdict": "pass", "flaky": false, "unit": "cycles", "latency": 200.0, "flash_bytes": null, '
        '"static_ram_bytes": null, "stack_bytes": null, "arena_bytes": null, "model_sha256": "m", "build_id": null, '
        '"unique_id": null, "tinysine_version": null, "engine": null, "reference": null}\n'
    )
    assert read_history(path) == [LINE]
    append_history(path, [LINE])
    assert json.loads(path.read_text().splitlines()[1]) == {
        "schema": "tinysine.history/1",
        "time_utc": "2026-01-01T00:00:00Z",
        "board": "nano",
        "kind": "emulated",
        "verdict": "pass",
        "flaky": False,
        "unit": "cycles",
        "latency": 200.0,
        "model_sha256": "m",
    }


def test_lines_come_back(tmp_path: Path) -> None:
    """In a folder that did not exist, in order, over several nights."""
    path = tmp_path / "state" / "history.jsonl"
    assert read_history(path) == []
    append_history(path, [LINE])
    other = changed(LINE, verdict="error", latency=None)
    append_history(path, [other, LINE])
    assert read_history(path) == [LINE, other, LINE]


def test_half_a_line_costs_itself_only(tmp_path: Path) -> None:
    """A night that was cut off in the middle of writing neither stops nor spoils the next."""
    path = tmp_path / "history.jsonl"
    append_history(path, [LINE, LINE])
    path.write_text(path.read_text()[:-10])
    append_history(path, [LINE])
    assert read_history(path) == [LINE, LINE]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "[]", "5", "{}", '{"schema": "other/1"}', '{"schema": "tinysine.history/1"}']
)
def test_foreign_lines_are_passed_over(tmp_path: Path, text: str) -> None:
    """Other versions and other people's lines are no error."""
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    append_history(path, [LINE])
    assert read_history(path) == [LINE]


NONSENSE = {
    "latency": ['"fast"', "NaN", "-Infinity", "1e400", "1" + "0" * 400, "true", "[]"],
    "flash_bytes": ["1" + "0" * 20, '"7000"', "{}"],
    "board": ["null", "5", "[]"],
    "unit": ["5", "[]"],
    "model_sha256": ["{}"],
    "flaky": ['"no"'],
    "time_utc": ["[" * 100_000 + "]" * 100_000],
}


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in NONSENSE.items() for value in values],
    ids=[f"{key}={value[:12]}" for key, values in NONSENSE.items() for value in values],
)
def test_nonsense_costs_its_line_only(tmp_path: Path, key: str, value: str) -> None:
    """A wrong type, a number that is none or counts nothing, a thousand brackets: the other lines are read."""
    path = tmp_path / "history.jsonl"
    append_history(path, [LINE])
    record = json.loads(path.read_text()) | {key: "HERE"}
    path.write_text(json.dumps(record).replace('"HERE"', value) + "\n")
    append_history(path, [LINE])
    assert read_history(path) == [LINE]


def test_a_later_versions_keys_are_passed_over(tmp_path: Path) -> None:
    """A line with more in it is still a line."""
    path = tmp_path / "history.jsonl"
    append_history(path, [LINE])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"new": 1}) + "\n")
    assert read_history(path) == [LINE]


def test_a_history_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Before and after the night."""
    with pytest.raises(ConfigError, match=r"the history file .* cannot be read: it is a folder"):
        read_history(tmp_path)
    with pytest.raises(ConfigError, match="name another with --history"):
        append_history(tmp_path, [LINE])


@pytest.mark.parametrize(
    "content", [b"notes\n", b"[[board]]\nname = 'x'\n", b"\x1c\0\0\0TFL3", b"{}", b"{}\n"]
)
def test_a_file_that_is_no_history_is_refused(tmp_path: Path, content: bytes) -> None:
    """Lines at its end would spoil it."""
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="holds something else"):
        read_history(path)


@pytest.mark.parametrize("left", [1, 12, 40])
def test_a_history_of_half_a_line_is_one(tmp_path: Path, left: int) -> None:
    """The first night was cut off."""
    path = tmp_path / "history.jsonl"
    append_history(path, [LINE])
    path.write_bytes(path.read_bytes()[:left])
    assert read_history(path) == []
    append_history(path, [LINE])
    assert read_history(path) == [LINE]


def test_a_full_disk_is_the_benchs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for any other file."""

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BenchError, match="No space left on device"):
        append_history(tmp_path / "history.jsonl", [LINE])


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"latency": 1.0, "time_utc": "other"}, True),
        ({"board": "edge"}, False),
        ({"kind": "hardware"}, False),
        ({"verdict": "fail"}, False),
        ({"unit": "instructions"}, False),
        ({"model_sha256": "other"}, False),
        ({"engine": "generated", "reference": "litert"}, True),
        ({"engine": "other"}, False),
        ({"reference": "tflm"}, False),
    ],
)
def test_like_is_compared_with_like(change: dict[str, Any], counts: bool) -> None:
    """Another board, kind, unit, model, engine or reference is no yardstick, nor is a night that did not pass."""
    earlier = changed(LINE, **change)
    assert previous([earlier], LINE) == (earlier if counts else None)


def test_the_last_night_counts() -> None:
    """Not the first."""
    later = changed(LINE, latency=300.0)
    assert previous([LINE, later, changed(LINE, verdict="error")], LINE) == later


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
    line, before = (changed(LINE, latency=value) for value in (now, then))
    assert trend(line, before, "latency") == shown


@pytest.mark.parametrize("name", [None, "ended_early"])
def test_evidence_that_got_nowhere_gives_a_line(name: str | None) -> None:
    """With the verdict, and no figures."""
    document = None if name is None else read_evidence(CASES / f"{name}.json")
    line = line_from_evidence(document, time_utc="t", board="b", kind="k", verdict="error")
    assert (line.verdict, line.figures, line.unit) == ("error", {}, None)


def test_the_figures_of_a_line_are_those_that_are_declared() -> None:
    """By their names, in the order of the table, with the unit of the latency."""
    line = line_from_evidence(
        read_evidence(CASES / "passed.json"), time_utc="t", board="b", kind="k", verdict="pass"
    )
    assert list(line.figures) == ["latency", "flash_bytes", "static_ram_bytes", "stack_bytes", "arena_bytes"]
    assert line.figures == {
        "latency": 105.0,
        "flash_bytes": 8000,
        "static_ram_bytes": 900,
        "stack_bytes": 300,
        "arena_bytes": 96,
    }
    assert (line.unit, line.flaky, line.unique_id) == ("instructions", True, "5457494e00000001")


def test_the_change_of_a_noisy_clocks_figure_is_left_out() -> None:
    """A computer's nanoseconds wander by a fifth from night to night: no change is shown, only about how long."""
    line = changed(LINE, kind="host", unit="ns", latency=412.0)
    assert trend(line, changed(line, latency=330.0), "latency") == "about 412"
