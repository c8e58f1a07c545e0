"""Evidence as plain JSON values, by docs/evidence.schema.json."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from tinysine.evidence.arrays import are_large, arrays_of, facts_of
from tinysine.evidence.values import Evidence, Json, Provenance
from tinysine.outside_json import EVIDENCE_SCHEMA
from tinysine.tasks import SINE_CRITERION
from tinysine.verdicts import LatencyVerdict, LayersVerdict, MemoryVerdict, OutputsVerdict, OutputVerdict

SCHEMA = EVIDENCE_SCHEMA


def to_document(evidence: Evidence, *, arrays_file: str = "") -> Json:
    """Turn evidence into plain JSON values, by docs/evidence.schema.json. Absent means not measured.

    Args:
        arrays_file: name of the file that has inputs and answers where they are too many; "" where none has them.
    """
    document: Json = {
        "schema": SCHEMA,
        "verdict": evidence.verdict,
        "findings": [{"stage": str(f.stage), "reason": f.reason} for f in evidence.findings],
        "provenance": _provenance(evidence.provenance),
        "board": dataclasses.asdict(evidence.board),
        "outputs": _outputs(evidence, arrays_file),
        "latency": _latency(evidence.latency),
        "memory": _memory(evidence.memory),
        "sine": _sine(evidence),
        "classes": _present(**_finite(dataclasses.asdict(evidence.classes))) if evidence.classes else None,
        "fault": evidence.fault,
        "soak": _finite(evidence.soak),
        "layers": _layers(evidence.layers),
        "error": dataclasses.asdict(evidence.error) if evidence.error else None,
        "stages_s": {name: round(seconds, 4) for name, seconds in evidence.stages_s.items()},
    }
    return {key: value for key, value in document.items() if value is not None}


def _outputs(evidence: Evidence, arrays_file: str) -> Json | None:
    outputs = evidence.outputs
    if outputs is None:
        return None
    record: Json = {
        "checked": outputs.checked,
        "exhaustive": outputs.exhaustive,
        "domain_bits": outputs.domain_bits,
        "reference": outputs.reference,
        "stands_in_for": outputs.stands_in_for or None,
        "mismatches": outputs.mismatches,
        "max_abs_diff": outputs.max_abs_diff,
        "tolerance": outputs.tolerance or None,
        "tolerated": outputs.tolerated if outputs.tolerance else None,
        "metrics": _present(**dataclasses.asdict(outputs.metrics)) if outputs.metrics else None,
        "first_mismatches": [
            _present(**dataclasses.asdict(d) | {"output": d.output or None}) for d in outputs.first
        ],
        "against": _against(outputs),
        "tensors": [_tensor(output) for output in outputs.outputs] or None,
    }
    arrays = arrays_of(evidence)
    if are_large(arrays):
        facts = {name: facts_of(values) for name, values in arrays.items()}
        record["arrays"] = _present(file=arrays_file or None, **facts)
    else:
        record |= {name: values.tolist() for name, values in arrays.items()}
    if evidence.sine is not None:
        record |= {
            "mae_vs_sine": evidence.sine.mae,
            "max_error_vs_sine": evidence.sine.max_error,
            "model_mae_vs_sine": evidence.sine.model_mae,
            "model_max_error_vs_sine": evidence.sine.model_max_error,
        }
    return _present(**_finite(record))


def _against(outputs: OutputsVerdict) -> Json:
    return {
        row.name: _present(
            mismatches=row.mismatches,
            max_abs_diff=row.max_abs_diff,
            explanation=row.explanation or None,
        )
        for row in outputs.against
    }


def _tensor(output: OutputVerdict) -> Json:
    """One of several outputs."""
    verdict = output.verdict
    return _present(
        name=output.name,
        dtype=output.dtype,
        elements=output.elements,
        mismatches=verdict.mismatches,
        max_abs_diff=verdict.max_abs_diff,
        tolerance=verdict.tolerance or None,
        tolerated=verdict.tolerated if verdict.tolerance else None,
        metrics=_present(**dataclasses.asdict(verdict.metrics)) if verdict.metrics else None,
        against=_against(verdict),
    )


def _sine(evidence: Evidence) -> Json | None:
    if evidence.outputs is None or evidence.outputs.checked == 0:
        return None
    budget = None
    if evidence.error_budget is not None:
        budget = {stage: {"max_error": e, "at_x": x} for stage, (e, x) in evidence.error_budget.items()}
    return _present(
        is_sine=evidence.sine is not None,
        criterion=SINE_CRITERION,
        likeness_mae=evidence.sine_likeness,
        error_budget=budget,
    )


def _provenance(provenance: Provenance) -> Json:
    record = dataclasses.asdict(provenance)
    record["oracles"] = {tool.name: {"version": tool.version, **tool.detail} for tool in provenance.oracles}
    if provenance.toolchain is not None:
        record["toolchain"] = {"name": provenance.toolchain.name, "version": provenance.toolchain.version}
    record["refusals"] = provenance.refusals or None
    record["flaky"] = provenance.flaky
    record["not_proved"] = list(provenance.not_proved) or None
    return _present(**_finite(record))


def _latency(latency: LatencyVerdict | None) -> Json | None:
    if latency is None:
        return None
    return _present(
        unit=latency.unit,
        min=latency.min,
        median=latency.median,
        max=latency.max,
        spread=latency.spread,
        noise=latency.noise,
        estimated_cycles=latency.estimated_cycles,
        overhead=latency.overhead,
        budget=latency.budget,
        counts=[list(row) for row in latency.counts],
        note=latency.note or None,
        proof=str(latency.proof),
    )


def _memory(memory: MemoryVerdict | None) -> Json | None:
    if memory is None:
        return None
    figures = dataclasses.asdict(memory)
    del figures["passed"], figures["findings"]
    figures["proof"] = {name: str(who) for name, who in memory.proof.items()} or None
    return _present(**figures)


def _layers(layers: LayersVerdict | None) -> Json | None:
    if layers is None:
        return None
    rows = []
    for row in layers.rows:
        facts = dataclasses.asdict(row)
        if row.not_asked:
            facts = {name: facts[name] for name in ("layer", "operator", "tensor", "not_asked")}
        else:
            del facts["not_asked"]
        rows.append(_present(**_finite(facts)))
    return _present(reference=layers.reference or None, unit=layers.unit or None, rows=rows)


def _present(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become the strings "NaN", "Infinity" and "-Infinity"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return value
