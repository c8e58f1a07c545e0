"""run: from nothing to a verdict, into a folder that is never half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tinysine.commands.run import EVIDENCE_FILE, PLOTS_FOLDER, refuse_foreign, staged
from tinysine.errors import ConfigError, LinkTimeout

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "evidence.schema.json").read_text())


EPOCHS = 60


@dataclass(frozen=True)
class Ran:
    """How a whole run ended, in a process of its own.

    Attributes:
        ended: exit code and output.
        folder: the one it was started in; its results are in `out`, its log below `state`.
    """

    ended: Any
    folder: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], str]) -> Ran:
    """A run with few epochs, without settings of anybody's."""
    require("tensorflow")
    folder = tmp_path_factory.mktemp("run")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TINYSINE_")}
    options = ["--epochs", str(EPOCHS), "--out", "out", "--json", "copy.json"]
    ended = subprocess.run(
        [sys.executable, "-m", "tinysine.cli", "run", *options],
        cwd=folder,
        env=kept | {"XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Ran(ended, folder)


@pytest.mark.long
def test_run_goes_from_nothing_to_a_verdict(ran: Ran) -> None:
    """Models, C array, image, plots and evidence appear together, where a second run may replace them."""
    assert ran.ended.returncode == 0, ran.ended.stdout + ran.ended.stderr
    printed = ran.ended.stdout
    assert "\x1b" not in printed
    assert "PASS  out/sine_int8.tflite on nano33ble-sense (emulated)" in printed
    assert "Keras parameters" in printed
    out = ran.folder / "out"
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {
        "training.json",
        "sine.keras",
        "sine_float.tflite",
        "sine_int8.tflite",
        "sine_int8.cc",
        "sine_int8.h",
        "nano33ble-sense.elf",
        "evidence.json",
    } <= names
    assert len([name for name in names if name.endswith(".png")]) == 8
    assert sorted(path.name for path in ran.folder.iterdir()) == ["copy.json", "out", "state"]
    evidence = json.loads((out / "evidence.json").read_text())
    jsonschema.validate(evidence, SCHEMA)
    assert evidence == json.loads((ran.folder / "copy.json").read_text())
    assert evidence["verdict"] == "pass"
    assert evidence["provenance"]["model_file"] == os.path.join("out", "sine_int8.tflite")
    assert evidence["sine"]["is_sine"] is True
    refuse_foreign(out)


@pytest.mark.long
def test_same_seed_gives_the_same_bytes_in_another_process(ran: Ran) -> None:
    """Training and converting again, in this process, gives the same three files byte for byte."""
    from tinysine.training import TrainingSettings, convert, train

    made = convert(train(TrainingSettings(epochs=EPOCHS)))
    out = ran.folder / "out"
    assert (out / "sine_float.tflite").read_bytes() == made.float_tflite
    assert (out / "sine_dynamic.tflite").read_bytes() == made.dynamic_tflite
    assert (out / "sine_int8.tflite").read_bytes() == made.int8_tflite
    stages = ran.ended.stderr.splitlines()  # tensorflow's messages belong in the log
    assert stages[:2] == ["train ...", "convert to int8 ..."]
    assert all(line.endswith(" ...") for line in stages), ran.ended.stderr
    (log,) = ran.folder.rglob("tensorflow.log")
    assert "Saved artifact" in log.read_text()


def fail_half_way(out: Path, files: dict[str, str], error: BaseException) -> None:
    """Write some files, then fail."""
    with staged(out) as stage:
        for name, text in files.items():
            (stage / name).write_text(text)
        raise error


def test_staged_files_appear_at_the_end(tmp_path: Path) -> None:
    """Until the work is done the folder does not exist; then it holds everything, and nothing is left beside."""
    out = tmp_path / "deep" / "out"
    with staged(out) as stage:
        (stage / "plots").mkdir()
        (stage / "plots" / "a.png").write_text("a")
        (stage / "model").write_text("m")
        assert not out.exists()
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        "plots/a.png",
        "model",
    }
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_failure_on_the_way_changes_nothing(tmp_path: Path) -> None:
    """When training or conversion fails, or is interrupted, an earlier run's results stay as they were."""
    out = tmp_path / "out"
    with staged(out) as stage:
        (stage / "model").write_text("old")
    with pytest.raises(ValueError, match="training failed"):
        fail_half_way(out, {"model": "new"}, ValueError("training failed"))
    with pytest.raises(KeyboardInterrupt):
        fail_half_way(out, {"model": "new"}, KeyboardInterrupt())
    assert (out / "model").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_with_evidence_is_kept(tmp_path: Path) -> None:
    """When the bench fails, the models and the evidence of what went wrong are there."""
    out = tmp_path / "out"
    with pytest.raises(LinkTimeout):
        fail_half_way(out, {"model": "new", EVIDENCE_FILE: "{}"}, LinkTimeout("silence", port="p"))
    assert sorted(path.name for path in out.iterdir()) == [EVIDENCE_FILE, "model"]


def test_plots_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    """A run without plots does not leave those of another device beside its evidence."""
    out = tmp_path / "out"
    with staged(out) as stage:
        (stage / PLOTS_FOLDER).mkdir()
        (stage / PLOTS_FOLDER / "a.png").write_text("old")
    with staged(out) as stage:
        (stage / "model").write_text("new")
    assert not (out / PLOTS_FOLDER).exists()


def test_only_folders_of_ours_are_written_over(tmp_path: Path) -> None:
    """New, empty and earlier output folders will do; anything else is refused."""
    out = tmp_path / "out"
    refuse_foreign(out)
    out.mkdir()
    refuse_foreign(out)
    (out / "holiday.jpg").write_text("mine")
    with pytest.raises(ConfigError, match="tinysine did not make"):
        refuse_foreign(out)
    (out / EVIDENCE_FILE).write_text('{"schema": "tinysine.evidence/1"}')
    refuse_foreign(out)
    (out / EVIDENCE_FILE).write_text('["tinysine"]')
    with pytest.raises(ConfigError):
        refuse_foreign(out)
