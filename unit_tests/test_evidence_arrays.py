"""Inputs and answers that are too many for a JSON file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tinysine.errors import ConfigError
from tinysine.evidence import BoardFacts, Evidence, Provenance, check_writable, to_document, write_evidence
from tinysine.quantization import Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.verdicts import judge_memory, judge_outputs

SCHEMA = schema_of_document("evidence")
INPUTS = np.arange(1000 * 8192, dtype=np.uint32).reshape(1000, 8192).astype(np.uint8)
ANSWERS = INPUTS[:, :10].copy()


@pytest.fixture(scope="module")
def large() -> Evidence:
    """A pass over 1,000 inputs of 8,192 elements."""
    outputs = judge_outputs(
        inputs=INPUTS, device=ANSWERS, answers={"litert": ANSWERS}, rounding=Rounding.LITERT
    )
    return Evidence(
        verdict="pass",
        provenance=Provenance(model_file="big.tflite", model_sha256="00" * 32, rounding="litert", optimize="speed",
                              prune=False, seed=0, started_utc="2026-01-01T00:00:00.000Z",
                              finished_utc="2026-01-01T00:00:01.000Z"),
        board=BoardFacts("host", "host", "none", 0),
        inputs=INPUTS,
        device=ANSWERS,
        outputs=outputs,
        memory=judge_memory(
            arena_planned=0, arena_reported=0, arena_high_water=0, stack_high_water=None, stack_budget=None,
            stack_reserved=None, stack_bound=None, engine_stack=None, static_ram=None, static_ram_reported=None,
            flash=None, model=None, engine=None, board_flash=None, board_ram=None,
        ),
    )  # fmt: skip


def test_large_arrays_go_beside_the_json(tmp_path: Path, large: Evidence) -> None:
    """The JSON stays small, and its digests are those of the arrays in the file that it names."""
    path = tmp_path / "evidence.json"
    check_writable(path)
    write_evidence(large, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(document)
    assert path.stat().st_size < 20_000
    assert not {"inputs", "device"} & set(document["outputs"])
    told = document["outputs"]["arrays"]
    with np.load(tmp_path / told["file"]) as archive:
        for name, values in (("inputs", INPUTS), ("device", ANSWERS)):
            np.testing.assert_array_equal(archive[name], values)
            assert told[name] == {
                "dtype": "uint8",
                "shape": list(values.shape),
                "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
            }
    check_writable(path)
    write_evidence(large, path)  # over its own earlier files


def test_small_arrays_stay_in_it(tmp_path: Path, large: Evidence) -> None:
    """One file, as people read it; none appears beside it."""
    small = dataclasses.replace(large, inputs=INPUTS[:2], device=ANSWERS[:2])
    write_evidence(small, tmp_path / "evidence.json")
    document = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert document["outputs"]["device"] == ANSWERS[:2].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["evidence.json"]


@pytest.mark.parametrize("length", [250, 251, 252, 255])
def test_a_long_name_has_its_arrays_beside_it(tmp_path: Path, large: Evidence, length: int) -> None:
    """A name may have 255 bytes, and no ending fits behind it then."""
    path = tmp_path / ("e" * length)
    check_writable(path)
    write_evidence(large, path)
    told = json.loads(path.read_text(encoding="utf-8"))["outputs"]["arrays"]
    assert (tmp_path / told["file"]).is_file()


def test_standard_output_has_the_digests_only(large: Evidence) -> None:
    """There is no place beside it; no file is named."""
    document = to_document(large)
    assert "file" not in document["outputs"]["arrays"]
    Draft202012Validator(SCHEMA).validate(document)


@pytest.mark.parametrize("content", [b"my notes", b""])
def test_a_users_file_is_not_replaced(tmp_path: Path, large: Evidence, content: bytes) -> None:
    """Found out before the work starts, and again when it is written."""
    mine = tmp_path / "evidence.json.npz"
    mine.write_bytes(content)
    for action in (check_writable, lambda path: write_evidence(large, path)):
        with pytest.raises(ConfigError, match="something else than the arrays"):
            action(tmp_path / "evidence.json")
    assert mine.read_bytes() == content


def test_a_users_data_set_is_not_replaced(tmp_path: Path, large: Evidence) -> None:
    """An .npz with other names in it."""
    np.savez(tmp_path / "evidence.json.npz", x=INPUTS[:2])
    with pytest.raises(ConfigError, match="something else than the arrays"):
        write_evidence(large, tmp_path / "evidence.json")
