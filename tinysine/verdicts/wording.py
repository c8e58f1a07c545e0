"""Verdicts in words, for a terminal, for pytest and for reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinysine.oracles import TFLM_FLOAT32
from tinysine.record import Number, Value
from tinysine.verdicts.outputs import Comparison, Difference, OutputsVerdict, OutputVerdict
from tinysine.verdicts.stages import Finding

MOST_VALUES = 6  # of one input or output


def headline(outputs: OutputsVerdict | None, findings: Sequence[Finding]) -> str:
    """Say in one line how a run went. A failure is said first, whatever else was right.

    Args:
        outputs: the comparison; None where none took place.
        findings: everything that is wrong, the likeliest cause first; none for a pass.
    """
    if findings and not told_by_count(outputs, findings):
        return str(findings[0])
    if outputs is None or outputs.checked == 0:
        return "nothing could be compared"
    return comparison_in_words(outputs, data=outputs.data)


def told_by_count(outputs: OutputsVerdict | None, findings: Sequence[Finding]) -> bool:
    """Tell whether the first thing that is wrong is the outputs, so that their count says it best."""
    return bool(findings and outputs and outputs.mismatches and findings[0] == outputs.finding)


def comparison_in_words(outputs: Comparison, *, data: str = "") -> str:
    """Count what was compared, what differs, and say which part of all inputs that is.

    Args:
        outputs: the comparison.
        data: the user's file that the inputs came from.
    """
    checked, there_are = f"{outputs.checked:,}", inputs_there_are(outputs)
    differ, agree = how_in_words(outputs)
    if data:
        how = f"{outputs.mismatches:,} {differ}" if outputs.mismatches else f"all {agree}"
        return f"{checked} inputs of {data}, outputs {how}"
    if outputs.mismatches:
        part = "" if outputs.exhaustive else f" (sampled, of {there_are} inputs)"
        return f"{outputs.mismatches:,} of {checked} outputs{part} {differ}"
    if outputs.exhaustive:
        return f"{checked} of {checked} outputs {agree}"
    return f"sampled: {checked} of {there_are} inputs, all outputs {agree}"


def how_in_words(outputs: Comparison, output: OutputVerdict | None = None) -> tuple[str, str]:
    """Return what wrong answers and right ones are: those that differ from the reference, and those equal to it.

    A tolerance is always named, and how many answers needed it.

    Args:
        outputs: the comparison.
        output: one of several that is meant; None for all together.
    """
    reference, meant = reference_in_words(outputs), output or outputs
    asked = _each_tolerance_in_words(outputs) if output is None else _tolerance_in_words(output.tolerance)
    if not asked:
        return f"differ from {reference}", f"equal to {reference}"
    return (
        f"differ from {reference} by more than {asked}",
        f"within {asked} of {reference}, as was asked for ({meant.tolerated or 0:,} not equal)",
    )


def _each_tolerance_in_words(outputs: Comparison) -> str:
    """Name what was asked for, of each output where there are several; "" for equality."""
    if not outputs.tensors:
        return _tolerance_in_words(outputs.tolerance)
    each = ((output.name, _tolerance_in_words(output.tolerance)) for output in outputs.tensors)
    return " and ".join(f"{asked} in {name!r}" for name, asked in each if asked)


def _tolerance_in_words(tolerance: Number) -> str:
    if not tolerance:
        return ""
    unit = " code" + "s" * (tolerance != 1) if isinstance(tolerance, int) else ""
    return f"{tolerance:g}{unit}"


def inputs_there_are(outputs: Comparison) -> str:
    """Say how many inputs the model has: a number while it can be read, else a power of two."""
    return f"{2**outputs.domain_bits:,}" if outputs.domain_bits <= 16 else f"2^{outputs.domain_bits:,}"


def reference_in_words(outputs: Comparison) -> str:
    """Name the reference, and what it stands in for."""
    return stand_in_in_words(outputs.reference, outputs.stands_in_for)


def stand_in_in_words(reference: str, stands_in_for: str) -> str:
    """Name a reference, and the independent one that it stands in for, if it does; or that there is none."""
    if reference == TFLM_FLOAT32:
        return f"{reference} (tinysine's own integers: no interpreter here computes it)"
    return (
        f"{reference} (tinysine's own integers: {stands_in_for} is not installed)"
        if stands_in_for
        else reference
    )


def difference_in_words(wrong: Difference) -> str:
    """Show one wrong answer."""
    output = f"output {wrong.output!r} of " if wrong.output else ""
    where, expected, got = answers_in_words(wrong.expected, wrong.got)
    return f"{output}input {numbers_in_words(wrong.input)}{where}: expected {expected}, got {got}"


def answers_in_words(expected: Sequence[Value], got: Sequence[Value]) -> tuple[str, str, str]:
    """Show one output's numbers, or of many the one that differs most, which the first few may not hold.

    Returns:
        which number is shown, "" for all; what was expected; what came, and how many differ.
    """
    pairs = list(zip(expected, got, strict=True))
    differing = [at for at, (wanted, came) in enumerate(pairs) if wanted != came]
    if len(pairs) <= MOST_VALUES or not differing:
        return "", numbers_in_words(expected), numbers_in_words(got)
    most = max(differing, key=lambda at: _distance(*pairs[at]))
    wanted, came = (numbers_in_words([value]) for value in pairs[most])
    differ = "differs" if len(differing) == 1 else "differ"
    return f", output value {most:,}", wanted, f"{came} ({len(differing):,} of {len(pairs):,} {differ})"


def _distance(one: Value, other: Value) -> float:
    distance = abs(float(one) - float(other))
    return math.inf if math.isnan(distance) else distance


def numbers_in_words(values: Sequence[Value]) -> str:
    """Show the first numbers of one input or output, with as many digits as tell two float32 apart."""
    shown = ", ".join(
        str(np.float32(value)) if isinstance(value, float) else str(value) for value in values[:MOST_VALUES]
    )
    return shown if len(values) <= MOST_VALUES else f"{shown}, ... ({len(values)} in all)"


def failure_in_words(outputs: OutputsVerdict) -> str:
    """Say why a comparison failed, as `tinysine verify` does: the count, the diagnosis, the first wrong answers."""
    findings = () if outputs.finding is None else (outputs.finding,)
    rows = [headline(outputs, findings)]
    if told_by_count(outputs, findings):
        rows += [f"  broke  {finding}" for finding in findings]
    rows += [f"  wrong  {difference_in_words(wrong)}" for wrong in outputs.first_mismatches]
    return "\n".join(rows)
