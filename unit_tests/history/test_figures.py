"""Choice of the figures of evidence that are kept: those declared to have a better and a worse."""

from __future__ import annotations

import json
from pathlib import Path

from tinysine.evidence import Document
from tinysine.history import Figure, figures_of
from tinysine.history.figures import kept_fields
from tinysine.record import from_json


def test_figures_of_the_issue_are_kept() -> None:
    """Outputs, instructions, cycles, bytes, stack, arena, accuracy, and each layer's cost have a direction."""
    better = {".".join(field.path): field.better for field in kept_fields()}
    for name in ("outputs.mismatches", "latency.median", "latency.estimated_cycles", "memory.flash_bytes"):
        assert better[name] == "lower"
    for name in ("memory.stack_bytes", "memory.arena_bytes", "layers.rows.[].cost"):
        assert better[name] == "lower"
    assert better["classes.device"] == better["outputs.metrics.cosine"] == "higher"
    assert "outputs.checked" not in better


def test_figures_come_from_evidence_with_unit_and_part() -> None:
    """The unit beside a figure is its unit, and a layer's figure names its layer."""
    document = {
        "schema": "tinysine.evidence/1",
        "verdict": "pass",
        "findings": [],
        "latency": {"unit": "instructions", "median": 326.0, "max": 330, "counts": [[326]], "overhead": 5},
        "layers": {
            "unit": "cycles",
            "rows": [{"layer": 0, "operator": "ADD", "tensor": "sum", "cost": 12, "differing": 0}],
        },
        "stages_s": {"build": 1.5},
    }
    found = figures_of(from_json(document, Document, file="x.json"))
    assert found == (
        Figure("latency.median", 326.0, "instructions", "", "lower"),
        Figure("latency.max", 330, "instructions", "", "lower"),
        Figure("layers.rows.differing", 0, "", "layer 0 (ADD sum)", "lower"),
        Figure("layers.rows.cost", 12, "cycles", "layer 0 (ADD sum)", "lower"),
    )


def test_a_run_that_ended_early_has_no_figures() -> None:
    """A figure that was not measured is absent, not 0."""
    document = {"schema": "tinysine.evidence/1", "verdict": "error", "findings": [], "stages_s": {}}
    assert figures_of(from_json(json.loads(json.dumps(document)), Document, file=Path("x"))) == ()
