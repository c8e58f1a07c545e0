"""Histories of earlier versions, in lines of JSON, are read into one of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinysine.errors import ConfigError
from tinysine.history import Figure, read_lines

LINE = {
    "schema": "tinysine.history/1",
    "time_utc": "2026-01-01T00:00:00Z",
    "board": "nano33ble-sense",
    "kind": "emulated",
    "verdict": "pass",
    "flaky": False,
    "unit": "instructions",
    "latency": 331.0,
    "flash_bytes": 7348,
    "static_ram_bytes": None,
    "model_sha256": "ab",
    "engine": None,
}


def test_every_whole_line_becomes_a_run(tmp_path: Path) -> None:
    """Figures get the names that they have in the evidence; what was not measured is absent."""
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps(LINE) + "\n\n" + json.dumps(LINE)[:40] + "\nnonsense\n")
    (run,), passed_over = read_lines(path)
    assert passed_over == 2
    assert (run.board, run.verdict, run.engine, run.reference) == (
        "nano33ble-sense",
        "pass",
        "generated",
        "litert",
    )
    assert run.figures == (
        Figure("latency.median", 331.0, "instructions", better="lower"),
        Figure("memory.flash_bytes", 7348, "bytes", better="lower"),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"latency": "fast"},
        {"latency": -1},
        {"flash_bytes": [1]},
        {"board": 5},
        {"verdict": "well"},
        {"schema": "x"},
    ],
)
def test_a_line_of_nonsense_is_passed_over(tmp_path: Path, change: dict[str, object]) -> None:
    """Values of other types, and lines of other programs."""
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE | change) + "\n")
    runs, passed_over = read_lines(path)
    assert (len(runs), passed_over) == (1, 1)


@pytest.mark.parametrize("text", ["a diary\n", "[]\n", "{}\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """Not a line of it is a history's."""
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match="holds something else"):
        read_lines(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """In one line, with its name."""
    with pytest.raises(ConfigError, match="none"):
        read_lines(tmp_path / "none.jsonl")
