"""The bytes of evidence, pinned: documents that people keep and programs read are the same from version to version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tinysine.errors import LinkTimeout
from tinysine.evidence import (
    BoardFacts,
    DataFacts,
    ErrorRecord,
    Evidence,
    Provenance,
    Tool,
    fault_record,
    identity_record,
    link_record,
    write_evidence,
)
from tinysine.link import Capability, Counter, DeviceTensor, FaultKind, FaultRecord, Identity, LinkStats
from tinysine.link import Stage as DeviceStage
from tinysine.model import Tensor
from tinysine.quantization import Quantization, Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.tasks import SineVerdict, judge_classes
from tinysine.verdicts import (
    Finding,
    LayerRow,
    MemoryVerdict,
    Stage,
    Tolerance,
    compare_layer,
    judge_every_output,
    judge_latency,
    judge_layers,
    judge_memory,
    judge_noisy_latency,
    judge_outputs,
)

CASES = Path(__file__).parent / "cases" / "evidence"
SCHEMA = schema_of_document("evidence")
CODES = np.arange(-128, 128, dtype=np.int8)[:, None]
BOARD = BoardFacts(
    "nano33ble-sense", "emulated", "nrf52840", 64_000_000, "/dev/pts/3", "it says so: TWIN0001"
)
IDENTITY = Identity(
    protocol=(2, 0),
    reference="litert",
    pruned=False,
    size_profile=False,
    capabilities=Capability(0),
    payload_max=512,
    counter=Counter.DWT,
    clock_hz=64_000_000,
    counter_clock_hz=64_000_000,
    build_id=bytes(range(16)),
    model_sha256="ab" * 32,
    unique_id="5457494e00000001",
    engine="generated",
    board="nano33ble-sense",
    inputs=(DeviceTensor(np.dtype(np.int8), (1,), None),),
    outputs=(DeviceTensor(np.dtype(np.int8), (1,), None),),
)


class Linked:
    """A device as far as its link goes."""

    stats = LinkStats(260, 1, 2, 3, 4, b"\x00\x01" * 40, 5, 6000, 7000)


def provenance(**facts: Any) -> Provenance:
    """Return the sources of the numbers, without anything of this computer."""
    known = {
        "model_file": "sine.tflite",
        "model_sha256": "ab" * 32,
        "rounding": "litert",
        "optimize": "speed",
        "prune": False,
        "seed": 0,
        "started_utc": "2026-01-01T00:00:00.000Z",
        "finished_utc": "2026-01-01T00:00:01.000Z",
        "tinysine_version": "1",
        "python": "3",
        "platform": "a computer",
    }
    return Provenance(**{**known, **facts})


def memory() -> MemoryVerdict:
    """Memory, with every figure of our own firmware."""
    return judge_memory(
        arena_planned=96,
        arena_reported=96,
        arena_high_water=80,
        stack_high_water=300,
        stack_budget=2048,
        stack_reserved=2048,
        stack_bound=400,
        engine_stack=120,
        static_ram=900,
        static_ram_reported=900,
        flash=8000,
        model=500,
        engine=1000,
        board_flash=10**6,
        board_ram=10**5,
    )


def passed() -> Evidence:
    """A sine that passed, with everything that such a run can tell."""
    answers = np.where(CODES < 0, CODES + 1, CODES).astype(np.int8)
    return Evidence(
        verdict="pass",
        provenance=provenance(
            image_sha256="cd" * 32,
            build_id="ef" * 16,
            toolchain=Tool("zig", "0.13"),
            oracles={"litert": {"version": "2.3", "resolver": "BUILTIN_REF"}, "tflm": {"version": "0.1"}},
            device=identity_record(IDENTITY),
            link=link_record(Linked()),  # type: ignore[arg-type]
            flashed=True,
            engine="generated",
            data=DataFacts("inputs.csv", "12" * 32, 256, "codes"),
        ),
        board=BOARD,
        inputs=CODES,
        device=CODES,
        outputs=judge_outputs(
            inputs=CODES,
            device=CODES,
            answers={"litert": CODES, "tflm": answers, "integer-double": answers},
            rounding=Rounding.LITERT,
            quantization=Quantization(0.0078125, 0),
        ),
        sine=SineVerdict(True, 0.0101, 0.0432, 0.0101, 0.0432, None),
        sine_likeness=0.0101,
        error_budget={
            "input": (0.0123, 1.5),
            "network": (0.03, 4.71),
            "quantization": (0.00781, 0.2),
            "device": (0.0, 0.0),
        },
        classes=judge_classes(
            labels=np.array([0, 1, 1, 0]),
            device=np.array([[9, 1], [1, 9], [9, 1], [9, 1]], np.int8),
            reference=np.array([[9, 1], [1, 9], [1, 9], [9, 1]], np.int8),
            float_model=np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]], np.float32),
        ),
        latency=judge_latency(
            [np.array([110, 110]), np.array([120, 120])], overhead=10, unit="instructions", budget=500
        ),
        memory=memory(),
        stages_s={"model": 0.01234567, "oracles": 1.0, "board": 2.5},
    )


def failed() -> Evidence:
    """Several outputs, floats that are no numbers, a fault, layers, and a soak that went wrong."""
    inputs = np.array([[0.5, -1.0], [1.5, 2.0], [1e-7, 3.0]], np.float32)
    levels = np.array([[0.25], [np.inf], [-0.0]], np.float32)
    due = np.array([[0.25], [1.0], [0.0]], np.float32)
    codes = np.array([[1, 2], [3, 4], [5, 6]], np.int8)
    off = codes + np.array([[0, 1], [0, 0], [0, 3]], np.int8)
    tensors = (
        Tensor("levels", np.dtype(np.float32), (1, 1), None),
        Tensor("codes", np.dtype(np.int8), (1, 2), Quantization(0.5, 3)),
    )
    row = LayerRow(1, "CONV_2D", "conv", model_cost=1500, model_noise=4)
    return Evidence(
        verdict="fail",
        provenance=provenance(
            optimize=None,
            prune=None,
            firmware="foreign",
            not_proved=("build", "requests answered"),
            refusals={"litert": "it rejects the file: a dimension is out of range"},
        ),
        board=BoardFacts("unknown", "unknown", "", 0, "socket://localhost:9"),
        findings=(Finding(Stage.ENGINE, "answers are wrong: \u00b11 code"), Finding(Stage.LATENCY, "slow")),
        inputs=inputs,
        device=(levels, off),
        outputs=judge_every_output(
            tensors,
            inputs=inputs,
            device=(levels, off),
            answers={"litert": (due, codes)},
            rounding=Rounding.LITERT,
            tolerance=Tolerance(2, 0.0),
        ),
        latency=judge_noisy_latency([[900, 910, 905]], overheads=[100, 102], unit="ns"),
        fault=fault_record(FaultRecord(FaultKind.HARD, DeviceStage.INFERRING, 1, 2, 3, 4, 5, 6, 7, 8)),
        layers=judge_layers(
            [
                LayerRow(0, "QUANTIZE", "q", not_asked="it cannot end there"),
                compare_layer(row, inputs=inputs, device=levels, expected=due),
                compare_layer(
                    LayerRow(2, "ADD", "sum", model_cost=1700, model_estimated_cycles=1800.5),
                    inputs=inputs,
                    device=codes,
                    expected=codes,
                ),
            ],
            reference="litert",
            unit="instructions",
        ),
        stages_s={"model": 0.5},
    )


def ended_early() -> Evidence:
    """A run that found no board."""
    error = LinkTimeout("no answer", hint="plug it in", port="/dev/x")
    board = BoardFacts("nano33ble-sense", "", "nrf52840", 64_000_000)
    return Evidence("error", provenance(model_sha256=None), board, error=ErrorRecord.of(error))


def large() -> Evidence:
    """More inputs than a JSON file should hold, and a tolerance."""
    inputs = np.zeros((300, 100), np.uint8)
    inputs[:, 0] = np.arange(300) % 256
    answers = inputs[:, :2].copy()
    due = answers.copy()
    due[7, 0] += 1
    return Evidence(
        verdict="pass",
        provenance=provenance(engine="mine", prune=None),
        board=BoardFacts("host", "host", "none", 0),
        inputs=inputs,
        device=answers,
        outputs=judge_outputs(
            inputs=inputs,
            device=answers,
            answers={"integer-single": due},
            rounding=Rounding.LITERT,
            tolerance=1,
        ),
        memory=memory(),
    )


@pytest.mark.parametrize("make", [passed, failed, ended_early, large])
def test_the_bytes_of_evidence_stay(make: Callable[[], Evidence], tmp_path: Path) -> None:
    """A document has the bytes that it had in earlier versions, and keeps to its schema."""
    path = tmp_path / f"{make.__name__}.json"
    write_evidence(make(), path)
    written = path.read_bytes()
    assert written == (CASES / path.name).read_bytes()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(written))
