"""run: from nothing to a verdict, into a folder that is never half written."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tinysine.commands.results_folder import PLOTS_FOLDER, refuse_foreign, staged
from tinysine.errors import ConfigError, LinkTimeout
from tinysine.result_files import EVIDENCE_FILE
from tinysine.schemas import schema as schema_of_document

SCHEMA = schema_of_document("evidence")


EPOCHS = 60


@dataclass(frozen=True)
class Ran:
    """Result of a whole run, in a process of its own.

    Attributes:
        ended: exit code and output.
        folder: the one it was started in; its results are in `out`, its log below `state`.
    """

    ended: Any
    folder: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], str]) -> Ran:
    """A run with few epochs, without settings of anybody's but one that matplotlib refuses."""
    require("tensorflow")
    folder = tmp_path_factory.mktemp("run")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TINYSINE_")}
    options = ["--epochs", str(EPOCHS), "--out", "out", "--json", "copy.json"]
    ended = subprocess.run(
        [sys.executable, "-m", "tinysine.cli", "run", *options],
        cwd=folder,
        env=kept | {"XDG_STATE_HOME": str(folder / "state"), "MPLBACKEND": "nonsense"},
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
    assert printed.splitlines()[-3:] == [
        f"results in out; the report is {os.path.join('out', 'report.html')}",
        "next: plug in a board; `tinysine boards` shows its NAME",
        f"  tinysine verify {os.path.join('out', 'sine_int8.tflite')} --board NAME --port auto",
    ]
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
        "report.html",
    } <= names
    assert "256 of 256 outputs equal" in (out / "report.html").read_text(encoding="utf-8")
    assert len([name for name in names if name.endswith(".png")]) == 9
    assert sorted(path.name for path in ran.folder.iterdir()) == ["copy.json", "out", "state"]
    evidence = json.loads((out / "evidence.json").read_text())
    Draft202012Validator(SCHEMA).validate(evidence)
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
    # A busy computer is told how far a stage is, in lines that are indented.
    assert all(line.endswith(" ...") or line.startswith("  ") for line in stages), ran.ended.stderr
    (log,) = ran.folder.rglob("tensorflow.log")
    assert "Saved artifact" in log.read_text()


def fail_half_way(out: Path, files: dict[str, str], error: BaseException) -> None:
    """Write some files, then fail."""
    with staged(out) as stage:
        for name, text in files.items():
            (stage / name).write_text(text)
        raise error


def replace_all(out: Path, names: Sequence[str]) -> None:
    """Write new files of these names."""
    with staged(out) as stage:
        for name in names:
            (stage / name).write_text("new")


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
    """If training or conversion fails or is interrupted, an earlier run's results stay unchanged."""
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
    """If the bench fails, the models and the evidence of the failure are kept."""
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


def test_a_folder_that_is_a_mount_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be renamed into another file system, and a volume of a container is one."""
    out = tmp_path / "volume"
    out.mkdir()
    real = os.rename

    def across(source: Path, target: Path) -> None:
        if out in Path(target).parents and out not in Path(source).parents:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "replace", across)
    for text in ("old", "new"):
        refuse_foreign(out)
        with staged(out) as stage:
            (stage / "model").write_text(text)
            (stage / EVIDENCE_FILE).write_text('{"schema": "tinysine.evidence/1"}')
            refuse_foreign(out)  # another run that begins meanwhile
        assert sorted(path.name for path in out.iterdir()) == [EVIDENCE_FILE, "model"]
        assert (out / "model").read_text() == text


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_to_a_folder_is_followed(exists: bool, tmp_path: Path) -> None:
    """The files are where it leads, and the link stays."""
    out, real = tmp_path / "out", tmp_path / "deep" / "real"
    out.symlink_to(real)
    if exists:
        real.mkdir(parents=True)
    with staged(out) as stage:
        (stage / "model").write_text("m")
    assert out.is_symlink()
    assert [path.name for path in real.iterdir()] == ["model"]


def test_all_results_are_put_in_place_or_none(tmp_path: Path) -> None:
    """If one cannot be, what was there before is there again."""
    out = tmp_path / "out"
    with staged(out) as stage:
        (stage / "a.json").write_text("old")
        (stage / PLOTS_FOLDER).mkdir()
        (stage / PLOTS_FOLDER / "a.png").write_text("old")
    (out / "z.tflite").mkdir()
    with pytest.raises(ConfigError, match=r"the folder z.tflite is in the way"):
        replace_all(out, ("a.json", "b.json", "z.tflite", EVIDENCE_FILE))
    assert sorted(path.name for path in out.iterdir()) == ["a.json", PLOTS_FOLDER, "z.tflite"]
    assert (out / "a.json").read_text() == (out / PLOTS_FOLDER / "a.png").read_text() == "old"


@pytest.mark.parametrize("name", ["sine_int8.tflite", "nano33ble-sense.elf", PLOTS_FOLDER])
def test_what_is_in_the_way_of_a_result_is_refused_before_any_work(name: str, tmp_path: Path) -> None:
    """A folder where a file belongs, and a file where the folder of plots does; other folders may stay."""
    (tmp_path / EVIDENCE_FILE).write_text('{"schema": "tinysine.evidence/1"}')
    (tmp_path / "notes").mkdir()
    refuse_foreign(tmp_path)
    if name == PLOTS_FOLDER:
        (tmp_path / name).touch()
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=f"{name} is in the way"):
        refuse_foreign(tmp_path)


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
