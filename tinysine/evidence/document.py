"""The document of evidence: its parts are declared once, here and where they are judged.

The schema `evidence` and the tables of docs/evidence.md are made of these declarations, by `python -m
benchmarks._record_pages`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import asdict

from tinysine.evidence.arrays import ArrayFacts, are_large, arrays_of, facts_of
from tinysine.evidence.values import BoardFacts, Ends, ErrorRecord, Evidence, Fault, Json, Provenance
from tinysine.outside_json import EVIDENCE_SCHEMA
from tinysine.record import Inference, Record, Size, fact, narrowed, plain, to_json
from tinysine.tasks import SINE_CRITERION, ClassVerdict
from tinysine.verdicts import Comparison, Finding, Latency, Layers, Memory, Soak

SCHEMA = EVIDENCE_SCHEMA
Inferences = tuple[Inference, ...]


class LargestError(Record):
    """The largest error of one part."""

    max_error: Annotated[Size, fact("its absolute value, in the output's real unit")]
    at_x: Annotated[float, fact("the input that it occurs at")]


class ErrorBudget(Record, kw_only=True):
    """The error of a sine in parts."""

    input: Annotated[LargestError, fact("the step of the input codes")]
    network: Annotated[LargestError, fact("error that training left")]
    quantization: Annotated[LargestError, fact("int8 against the same weights in real arithmetic")]
    device: Annotated[
        LargestError, fact("the device against the int8 reference: 0 on a device that is right")
    ]


class Sine(Record, kw_only=True):
    """Verdict of a model that may be a sine, and the sources of its error."""

    is_sine: Annotated[bool, fact("whether it is one by the criterion")]
    criterion: Annotated[str, fact("in words")]
    likeness_mae: Annotated[
        Size | None,
        fact("the reference's mean absolute error against sin(x) over 0..2 pi, where it can be asked"),
    ] = None
    error_budget: Annotated[
        ErrorBudget | None,
        fact("the error at each x in parts that add up to device - sin(x): the largest of each"),
    ] = None


class Outputs(Comparison, kw_only=True):
    """The comparison, the inputs and the answers."""

    arrays: Annotated[
        Annotated[dict[str, ArrayFacts | str], Meta(extra_json_schema={"$ref": "#/$defs/Arrays"})] | None,
        fact(
            "instead of `inputs` and `device`, if they are too long: the name of the `file` "
            "beside this one, and its arrays"
        ),
    ] = None
    inputs: Annotated[
        Inferences | None,
        fact("the inputs that were sent, raw, in the model's own dtype, a list for each inference"),
    ] = None
    device: Annotated[Inferences | None, fact("the device's answers to them, raw")] = None
    expected: Annotated[
        Inferences | None,
        fact("the answers of `reference` to them, raw; absent if they are the same as `device`"),
    ] = None
    mae_vs_sine: Annotated[
        Size | None, fact("of a sine: the device's mean absolute error against sin(x)", better="lower")
    ] = None
    max_error_vs_sine: Annotated[
        Size | None, fact("of a sine: the device's largest error", better="lower")
    ] = None
    model_mae_vs_sine: Annotated[Size | None, fact("of a sine: the reference's mean absolute error")] = None
    model_max_error_vs_sine: Annotated[Size | None, fact("of a sine: the reference's largest error")] = None


class Document(Record, kw_only=True, tag_field="schema", tag=SCHEMA):
    """Evidence of one tinysine run."""

    verdict: Annotated[
        Literal["pass", "fail", "error"],
        fact(
            "`fail`: the product is wrong; `error`: the bench failed, and nothing is said about the product"
        ),
    ]
    findings: Annotated[
        tuple[Finding, ...], fact("what is wrong, the likeliest cause first; empty on a pass")
    ]
    provenance: Annotated[Provenance | None, fact("where the numbers come from")] = None
    board: Annotated[BoardFacts | None, fact("the board that was asked")] = None
    model: Annotated[Ends | None, fact("its inputs and outputs, which say what raw numbers stand for")] = None
    outputs: Annotated[Outputs | None, fact("the comparison")] = None
    latency: Annotated[Latency | None, fact("what one inference costs")] = None
    memory: Annotated[Memory | None, fact("what the firmware needs")] = None
    sine: Annotated[Sine | None, fact("whether the model is a sine, and the error budget")] = None
    classes: Annotated[ClassVerdict | None, fact("with labelled data: accuracy and confusion")] = None
    fault: Annotated[Fault | None, fact("the device's fault record")] = None
    soak: Annotated[Soak | None, fact("with `--soak N`: further inferences of known answer")] = None
    layers: Annotated[Layers | None, fact("with `--layers`: each layer by itself")] = None
    error: Annotated[ErrorRecord | None, fact("why the run ended early")] = None
    stages_s: Annotated[dict[str, Size], fact("that each stage took", unit="seconds")]


def to_document(evidence: Evidence, *, arrays_file: str = "") -> Json:
    """Turn evidence into plain JSON values. Absent means not measured.

    Args:
        arrays_file: name of the file that has inputs and answers where they are too many; "" where none has them.
    """
    arrays = arrays_of(evidence)
    inline = {} if are_large(arrays) else {name: values.tolist() for name, values in arrays.items()}
    # Those of several tensors have their numbers in their names, which no declaration has.
    numbered = set(inline) - set(Outputs.__struct_fields__)
    document = to_json(
        Document(
            verdict=evidence.verdict,
            findings=evidence.findings,
            provenance=evidence.provenance,
            board=evidence.board,
            model=evidence.ends,
            outputs=_outputs(evidence, arrays, arrays_file, {} if numbered else inline),
            latency=evidence.latency and narrowed(evidence.latency, Latency),
            memory=evidence.memory and narrowed(evidence.memory, Memory),
            sine=_sine(evidence),
            classes=evidence.classes,
            fault=evidence.fault,
            soak=evidence.soak,
            layers=evidence.layers and narrowed(evidence.layers, Layers),
            error=evidence.error,
            stages_s={name: round(seconds, 4) for name, seconds in evidence.stages_s.items()},
        )
    )
    if numbered and "outputs" in document:
        document["outputs"] |= plain(inline)
    return document


def _outputs(evidence: Evidence, arrays: dict[str, Any], arrays_file: str, inline: Json) -> Outputs | None:
    if evidence.outputs is None:
        return None
    facts: Json = asdict(narrowed(evidence.outputs, Comparison)) | inline
    if are_large(arrays):
        file = {"file": arrays_file} if arrays_file else {}
        facts["arrays"] = {**file, **{name: facts_of(values) for name, values in arrays.items()}}
    if (sine := evidence.sine) is not None:
        facts |= {
            "mae_vs_sine": sine.mae,
            "max_error_vs_sine": sine.max_error,
            "model_mae_vs_sine": sine.model_mae,
            "model_max_error_vs_sine": sine.model_max_error,
        }
    return Outputs(**facts)


def _sine(evidence: Evidence) -> Sine | None:
    if evidence.outputs is None or evidence.outputs.checked == 0:
        return None
    budget = None
    if evidence.error_budget is not None:
        parts = {part: LargestError(*largest) for part, largest in evidence.error_budget.items()}
        budget = ErrorBudget(**parts)
    return Sine(
        is_sine=evidence.sine is not None,
        criterion=SINE_CRITERION,
        likeness_mae=evidence.sine_likeness,
        error_budget=budget,
    )
