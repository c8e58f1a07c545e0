"""Rules between the facts of evidence. This is the list: the reader refuses a document that breaks one.

The JSON Schema has those that JSON Schema can say; the rest compare numbers with each other.
"""

from __future__ import annotations

from collections.abc import Callable

from tinysine.evidence.arrays import ArrayFacts
from tinysine.evidence.document import Document, Outputs
from tinysine.verdicts import Comparison, OutputVerdict

_LARGEST_DOMAIN = 63  # bits: no run asks more inputs than a machine can count


def contradiction(document: Document) -> str:
    """Say which facts of a document cannot be true together; "" where all can."""
    return next((wrong for rule in RULES if (wrong := rule(document))), "")


def _parts(outputs: Outputs) -> tuple[Comparison | OutputVerdict, ...]:
    """All outputs together, and each of several."""
    return (outputs, *outputs.tensors)


def _reasons(document: Document) -> str:
    """A pass found nothing, a failure found something, an error has one, and neither of the others does."""
    verdict, found = document.verdict, document.findings
    if verdict == "pass" and found:
        return f"its verdict is pass, and it found: {found[0]}"
    if verdict == "fail" and not found:
        return "its verdict is fail, and it found nothing"
    if (verdict == "error") != (document.error is not None):
        has = "an error" if document.error else "no error"
        return f"its verdict is {verdict}, and it has {has}"
    return ""


def _origin(document: Document) -> str:
    """A verdict on the product is about a board and has sources; a pass of firmware that was built here has memory."""
    if document.verdict == "error":
        return ""
    for name in ("provenance", "board"):
        if getattr(document, name) is None:
            return f"its verdict is {document.verdict}, and it has no {name}"
    own = document.provenance is not None and document.provenance.firmware != "foreign"
    if document.verdict == "pass" and own and document.memory is None:
        return "its verdict is pass, and it has no memory"
    return ""


def _counts(document: Document) -> str:
    """Of the answers that were checked no more can differ; all that there are is 2 to the power of the bits."""
    outputs = document.outputs
    if outputs is None:
        return ""
    checked, bits = outputs.checked, outputs.domain_bits
    for part in _parts(outputs):
        if part.mismatches > checked:
            return f"{part.mismatches:,} of {checked:,} answers differ"
    if outputs.exhaustive and bits and (bits > _LARGEST_DOMAIN or checked < 2**bits):
        return f"{checked:,} inputs are not all that {bits:,} bits can make"
    if outputs.first_mismatches and not outputs.mismatches:
        return (
            f"no answer differs, and the first that differs is inference {outputs.first_mismatches[0].index}"
        )
    return ""


def _answers(document: Document) -> str:
    """The answers of the device and of the reference show how many differ, as the reference's own row does."""
    outputs = document.outputs
    if outputs is None or not outputs.checked:
        return ""
    unequal = outputs.mismatches + (outputs.tolerated or 0)
    for part in _parts(outputs):
        row, said = part.against.get(outputs.reference), part.mismatches + (part.tolerated or 0)
        if row is not None and row.mismatches != said:
            return f"{said:,} answers differ from {outputs.reference}, and against it {row.mismatches:,}"
    for name in ("inputs", "device", "expected"):
        rows = getattr(outputs, name)
        if rows is not None and len(rows) != outputs.checked:
            return f"{outputs.checked:,} answers were checked, and {name} has {len(rows):,}"
    for name, facts in (outputs.arrays or {}).items():
        if isinstance(facts, ArrayFacts) and facts.shape[:1] != (outputs.checked,):
            return f"{outputs.checked:,} answers were checked, and {name} is {list(facts.shape)}"
    if outputs.device is not None and outputs.expected is not None:
        # By their text: 0.0 is not -0.0.
        pairs = zip(outputs.device, outputs.expected, strict=True)
        if (found := sum(repr(got) != repr(due) for got, due in pairs)) > unequal:
            return f"{unequal:,} answers differ, and between device and expected {found:,}"
    return ""


def _passed_outputs(document: Document) -> str:
    """A pass has answers, at least one, of which none differs by more than what was tolerated."""
    if document.verdict != "pass":
        return ""
    outputs = document.outputs
    if outputs is None or not outputs.checked:
        return "its verdict is pass, and no answer was checked"
    if outputs.mismatches:
        return f"its verdict is pass, and {outputs.mismatches:,} of {outputs.checked:,} answers differ"
    if not _has_both_ends(outputs, document):
        return "its verdict is pass, and it has not what was asked and answered"
    for part in outputs.tensors or (outputs,):
        most = part.max_abs_diff
        if part.mismatches or most is None or float(most) > part.tolerance * (1 + 1e-9):
            by = "an amount that is not told" if most is None else f"{most}"
            return f"its verdict is pass, and answers differ by {by}, with a tolerance of {part.tolerance}"
    return ""


def _has_both_ends(outputs: Outputs, document: Document) -> bool:
    """Tell whether inputs and answers are there; those of several tensors have numbers in their names, unread here."""
    several_inputs = document.model is not None and len(document.model.inputs) > 1
    inputs = (
        outputs.inputs is not None or several_inputs or (bool(outputs.tensors) and document.model is None)
    )
    return outputs.arrays is not None or (inputs and (outputs.device is not None or bool(outputs.tensors)))


def _passed_rest(document: Document) -> str:
    """A pass has no fault, a whole soak with no wrong answer, and equal layers unless a tolerance was asked."""
    if document.verdict != "pass":
        return ""
    if document.fault is not None:
        return f"its verdict is pass, and the device faulted: {document.fault.kind}"
    soak, outputs = document.soak, document.outputs
    if soak is not None and (soak.wrong is not None or soak.asked < soak.wanted):
        wrong = "one was wrong" if soak.wrong else f"{soak.asked:,} were asked"
        return f"its verdict is pass, and of {soak.wanted:,} inferences of the soak {wrong}"
    exact = outputs is None or not any(part.tolerance for part in _parts(outputs))
    for row in document.layers.rows if document.layers is not None and exact else ():
        if row.differing:
            return f"its verdict is pass, and {row.name} has {row.differing:,} values that differ"
    return ""


def _latency(document: Document) -> str:
    """The figures of latency come together, in order, and from its counts; on a pass the most is within the budget."""
    latency = document.latency
    if latency is None:
        return ""
    told = (latency.min, latency.median, latency.max)
    figures = [figure for figure in told if figure is not None]
    if 0 < len(figures) < len(told):
        return "of latency the least, the median and the most come together, and one is missing"
    if figures != sorted(figures):
        return f"of latency the least is {told[0]}, the median {told[1]}, and the most {told[2]}"
    counts = [count for row in latency.counts for count in row]
    # Of a noisy clock they are medians, rounded.
    if counts and figures and not min(counts) - 1 <= figures[0] <= figures[-1] <= max(counts) + 1:
        return f"of latency the counts are {min(counts)} to {max(counts)}, and the figures {told[0]} to {told[2]}"
    slack = latency.noise + 1 if latency.noise else 0  # the figure and its noise are rounded
    if document.verdict == "pass" and latency.budget and latency.max and latency.max - slack > latency.budget:
        return f"its verdict is pass, and latency is {latency.max} of {latency.budget} allowed"
    return ""


RULES: tuple[Callable[[Document], str], ...] = (
    _reasons,
    _origin,
    _counts,
    _passed_outputs,
    _answers,
    _passed_rest,
    _latency,
)
