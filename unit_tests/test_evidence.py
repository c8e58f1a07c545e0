"""Evidence: whole or not at all, by its schema, with nothing in it that was not measured."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from msgspec.structs import replace

from tinysine.errors import BenchError, ConfigError, LinkTimeout
from tinysine.evidence import (
    BoardFacts,
    ErrorRecord,
    Evidence,
    Provenance,
    Tool,
    check_writable,
    to_document,
    utc_now,
    write_evidence,
)
from tinysine.quantization import Rounding
from tinysine.report_file import check_page_writable
from tinysine.schemas import schema as schema_of_document
from tinysine.verdicts import judge_latency, judge_memory, judge_outputs

SCHEMA = schema_of_document("evidence")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CODES = np.arange(-128, 128, dtype=np.int8)[:, None]


def passed() -> Evidence:
    """Evidence of a pass, with every part."""
    return Evidence(
        verdict="pass",
        provenance=Provenance(
            model_file="sine.tflite",
            model_sha256="ab" * 32,
            rounding="litert",
            optimize="speed",
            prune=False,
            seed=0,
            started_utc=utc_now(),
            finished_utc=utc_now(),
            image_sha256="cd" * 32,
            build_id="ef" * 16,
            toolchain=Tool("zig", "0.13"),
            oracles={"litert": {"version": "2.3", "resolver": "BUILTIN_REF"}},
        ),
        board=BoardFacts("nano33ble-sense", "emulated", "nrf52840", 64_000_000, "/dev/pts/3"),
        inputs=CODES,
        device=CODES,
        outputs=judge_outputs(
            inputs=CODES, device=CODES, answers={"litert": CODES}, rounding=Rounding.LITERT
        ),
        latency=replace(
            judge_latency([np.array([110, 110])], overhead=10, unit="instructions"), estimated_cycles=123.4
        ),
        memory=judge_memory(
            arena_planned=0,
            arena_reported=0,
            arena_high_water=0,
            stack_high_water=300,
            stack_budget=2048,
            stack_bound=None,
            engine_stack=None,
            static_ram=900,
            static_ram_reported=900,
            flash=8000,
            model=500,
            engine=1000,
            board_flash=10**6,
            board_ram=10**5,
        ),
    )


def failed_early() -> Evidence:
    """Evidence of a run that found no board."""
    error = LinkTimeout("no answer", hint="plug it in", port="/dev/x")
    whole = passed()
    return Evidence("error", whole.provenance, whole.board, error=ErrorRecord.of(error))


def test_the_schema_is_one() -> None:
    """The schema of evidence is a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("make", [passed, failed_early])
def test_evidence_keeps_to_its_schema(make: Callable[[], Evidence]) -> None:
    """Written evidence is valid by its schema, through JSON and back."""
    VALIDATOR.validate(json.loads(json.dumps(to_document(make()), allow_nan=False)))


def test_answers_are_raw_and_in_order() -> None:
    """Inputs and answers are the model's own codes, one list for each inference."""
    outputs = to_document(passed())["outputs"]
    assert outputs["inputs"] == [[code] for code in range(-128, 128)]
    assert outputs["device"] == outputs["inputs"]
    assert (outputs["checked"], outputs["exhaustive"], outputs["reference"]) == (256, True, "litert")
    assert (outputs["mismatches"], outputs["max_abs_diff"]) == (0, 0)
    assert outputs["against"] == {"litert": {"mismatches": 0, "max_abs_diff": 0}}


def test_what_was_not_measured_is_absent() -> None:
    """No null and no zero stands in for a figure that there is none of."""
    document = to_document(failed_early())
    assert not {"outputs", "latency", "memory", "fault", "sine"} & set(document)
    document = to_document(passed())
    assert "mae_vs_sine" not in document["outputs"]
    assert "stack_bound_bytes" not in document["memory"]
    assert document["sine"]["is_sine"] is False
    assert "null" not in json.dumps(document)


def test_answers_that_are_no_numbers_stay_json() -> None:
    """NaN and infinity from a device are kept, as strings, in JSON that any parser reads."""
    x = np.zeros((3, 1), np.float32)
    device = np.array([[np.nan], [np.inf], [-np.inf]], np.float32)
    whole = passed()
    evidence = Evidence(
        verdict="fail",
        provenance=whole.provenance,
        board=whole.board,
        inputs=x,
        device=device,
        outputs=judge_outputs(inputs=x, device=device, answers={"litert": x}, rounding=Rounding.LITERT),
    )
    outputs = json.loads(json.dumps(to_document(evidence), allow_nan=False))["outputs"]
    assert outputs["device"] == [["NaN"], ["Infinity"], ["-Infinity"]]
    assert outputs["mismatches"] == 3
    assert "max_abs_diff" not in outputs


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """The file appears complete, replaces an older one, keeps its mode, and leaves nothing beside it."""
    path = tmp_path / "new" / "evidence.json"
    check_writable(path)
    assert not path.exists()
    write_evidence(passed(), path)
    os.chmod(path, 0o640)
    write_evidence(passed(), path)
    assert json.loads(path.read_text())["verdict"] == "pass"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [p.name for p in path.parent.iterdir()] == ["evidence.json"]


def test_a_link_is_followed_and_a_device_is_not_replaced(tmp_path: Path) -> None:
    """A symbolic link stays one, and /dev/null stays a device."""
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to(target)
    write_evidence(passed(), link)
    assert link.is_symlink()
    assert json.loads(target.read_text())["verdict"] == "pass"
    null = Path(os.devnull)
    check_writable(null)
    write_evidence(passed(), null)
    assert not null.is_file()


@pytest.mark.parametrize("name", ["a" * 300, f"{'a' * 300}/a"])
def test_a_name_that_no_file_can_have_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    """One line, for evidence and for its page."""
    for check in (check_writable, check_page_writable):
        with pytest.raises(ConfigError, match="cannot be written"):
            check(tmp_path / name)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fails at the last moment, the old file stays, and no other file is left."""
    path = tmp_path / "evidence.json"
    path.write_text("old")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BenchError, match="No space left"):
        write_evidence(passed(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.json"]


def test_an_unwritable_path_is_found_first(tmp_path: Path) -> None:
    """A folder, a path below a file and a place where nothing can be made are refused, without a trace."""
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path, tmp_path / "file" / "evidence.json", Path("/proc/nowhere/evidence.json")):
        with pytest.raises(ConfigError) as caught:
            check_writable(path)
        assert caught.value.exit_code == 2
        assert str(path) in caught.value.message
    assert (tmp_path / "file").read_text() == "mine"


def test_checking_keeps_an_existing_file(tmp_path: Path) -> None:
    """Looking whether a file can be written does not change it."""
    path = tmp_path / "evidence.json"
    write_evidence(passed(), path)
    old = path.read_bytes()
    check_writable(path)
    assert path.read_bytes() == old


def test_standard_output_is_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    """ "-" prints the document."""
    check_writable(Path("-"))
    write_evidence(passed(), Path("-"))
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    """It would be found when all is done, and never open."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises((ConfigError, BenchError), match="cannot be written"):
        check_writable(pipe)
