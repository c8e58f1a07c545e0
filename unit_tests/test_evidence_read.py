"""Evidence read back: by the declarations that it was written by, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tinysine.errors import ConfigError
from tinysine.evidence import from_document, read_evidence
from tinysine.record import to_json
from tinysine.verdicts import Proof, Stage

CASES = Path(__file__).parent / "cases" / "evidence"


def kept(name: str) -> dict[str, Any]:
    """A document that was kept."""
    document: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", ["passed", "failed", "ended_early", "large"])
def test_what_is_read_is_what_was_written(name: str) -> None:
    """Nothing is lost, but for the arrays of several tensors, whose names have numbers."""
    document = kept(name)
    again = to_json(read_evidence(CASES / f"{name}.json"))
    for numbered in [key for key in document.get("outputs", {}) if key.startswith("device_")]:
        del document["outputs"][numbered]
    if name == "failed":
        document["outputs"].pop("inputs")
        again["outputs"].pop("inputs")
    assert again == document


def test_values_have_their_types() -> None:
    """Stages and proofs are those of the program."""
    failed, passed = read_evidence(CASES / "failed.json"), read_evidence(CASES / "passed.json")
    assert failed.findings[0].stage is Stage.ENGINE
    assert passed.latency is not None
    assert passed.latency.proof is Proof.DEVICE
    assert passed.provenance is not None
    assert passed.provenance.link is not None
    assert (passed.provenance.link.retries, passed.provenance.flaky) == (1, True)


def test_documents_of_earlier_versions_are_read() -> None:
    """They lack what was added since, and had null for what a device did not tell."""
    document = kept("passed")
    del document["latency"]["proof"], document["board"]["proof"], document["provenance"]["firmware"]
    del document["provenance"]["link"]["foreign"], document["provenance"]["engine"]
    document["provenance"]["device"]["clock_hz"] = None
    read = from_document(document, file="old.json")
    assert read.provenance is not None
    assert read.provenance.firmware == "own"
    assert read.provenance.device is not None
    assert read.provenance.device.clock_hz is None


def test_documents_of_the_first_version_are_read() -> None:
    """As it wrote them: no bits of the domain, no proofs, null for what a device did not tell."""
    read = read_evidence(CASES / "first_version.json")
    assert read.outputs is not None
    assert (read.outputs.checked, read.outputs.exhaustive, read.outputs.domain_bits) == (256, True, 0)
    assert read.latency is not None
    assert (read.latency.median, read.latency.proof) == (100.0, Proof.DEVICE)
    assert read.memory is not None
    assert read.memory.flash_bytes == 8000
    assert read.provenance is not None
    assert read.provenance.device is not None
    assert (read.provenance.device.unique_id, read.provenance.flaky) == (None, False)


def test_what_later_versions_add_is_passed_over() -> None:
    """A field that is not known here is no reason to refuse the rest."""
    document = kept("passed")
    document["memory"]["invented_bytes"] = 1
    assert from_document(document, file="new.json").memory is not None


def test_another_version_of_the_schema_is_refused() -> None:
    """Its fields may mean something else."""
    with pytest.raises(ConfigError, match=r"new\.json is tinysine\.evidence/2.*reads tinysine\.evidence/1"):
        from_document(kept("passed") | {"schema": "tinysine.evidence/2"}, file="new.json")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("outputs", "checked"), "many", r"outputs\.checked: expected `int`, got `str`"),
        (("outputs", "against", "litert", "mismatches"), -1, r"outputs\.against\[\.\.\.\]\.mismatches"),
        (("memory", "flash_bytes"), 1.5, r"memory\.flash_bytes: expected `int \| null`"),
        (("latency", "proof"), "my word", r"latency\.proof: invalid enum value"),
        (("verdict",), "perhaps", r"verdict: invalid enum value 'perhaps'"),
        (("findings",), None, r"findings: expected `array`, got `null`"),
        (("latency", "proof"), "\ud800", "'.ud800' is no text"),
        (("memory", "flash_bytes"), "\ud800", "'.ud800' is no text"),
        (("schema",), "tinysine.training/1", r"schema: invalid value 'tinysine\.training/1'"),
    ],
)
def test_what_does_not_fit_is_named(path: tuple[str, ...], value: object, says: str) -> None:
    """One line with the file, the field and what is wrong with it."""
    document = kept("passed")
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ConfigError, match=says) as caught:
        from_document(document, file="mine.json")
    assert caught.value.message.startswith("mine.json is no such document: ")
    assert caught.value.facts["file"] == "mine.json"


def test_a_missing_field_is_named() -> None:
    """A missing field is named with its place."""
    document = kept("passed")
    del document["outputs"]["reference"]
    with pytest.raises(ConfigError, match=r"outputs: object missing required field `reference`"):
        from_document(document, file="mine.json")


@pytest.mark.parametrize("content", ["", "[]", "not json", "{}"])
def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path, content: str) -> None:
    """In one line that names it."""
    file = tmp_path / "evidence.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=str(file)):
        read_evidence(file)
    with pytest.raises(ConfigError, match="cannot read evidence from"):
        read_evidence(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("passed", {("outputs", "mismatches"): 3}, "its verdict is pass, and 3 of"),
        ("failed", {("verdict",): "pass"}, "its verdict is pass, and it found: "),
        ("failed", {("outputs", "mismatches"): 999_999}, "999,999 of"),
        ("passed", {("latency", "min"): 10**9}, "of latency the least is"),
    ],
)
def test_evidence_that_contradicts_itself_is_refused(
    name: str, changes: dict[tuple[str, ...], object], says: str
) -> None:
    """No comparison, gate or night is built on a file that somebody has made better."""
    document = kept(name)
    for path, value in changes.items():
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    with pytest.raises(ConfigError, match=rf"new\.json contradicts itself: {says}"):
        from_document(document, file="new.json")
