"""`tinysine run --example digits`: from pictures to a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.long
def test_the_example_runs_to_a_verdict(cli: Callable[..., Any], tmp_path: Path) -> None:
    """Accuracy of float, reference and device; the last two are equal by proof; plots and files are left."""
    pytest.importorskip("tensorflow")
    ended = cli("run", "--example", "digits", "--out", tmp_path / "digits")
    assert ended.code == 0, ended.err
    told = json.loads((tmp_path / "digits" / "evidence.json").read_text(encoding="utf-8"))
    assert told["outputs"]["mismatches"] == 0
    classes = told["classes"]
    assert classes["device"] == classes["reference"] > 0.93
    assert classes["float_model"] > 0.93
    assert sorted(path.name for path in (tmp_path / "digits" / "plots").iterdir()) == [
        "1_loss.png", "2_accuracy.png", "3_confusion.png", "4_wrong.png",
    ]  # fmt: skip


def test_options_of_the_sine_are_refused(cli: Callable[..., Any], tmp_path: Path) -> None:
    """Noise on the samples of a sine is nothing that digits have."""
    ended = cli("run", "--example", "digits", "--noise", "0.2", "--out", tmp_path / "digits")
    assert ended.code == 2
    assert "--noise is of the sine's training" in ended.err
    assert not (tmp_path / "digits").exists()
