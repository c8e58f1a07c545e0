"""One image's worth of cases: generate, compile together, run, compare."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinysine.errors import BuildError
from tinysine.graph import DenseChain
from tinysine.oracles import integer_oracle
from tinysine.tensor_values import Values, arrays_of
from trust.conformance.coverage import reached
from trust.conformance.host import build_host, run_host
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Case, Variant


@dataclass(frozen=True)
class Result:
    """Result of one case.

    Attributes:
        number, variant: of the case.
        reached: the kernels and properties that it tried.
        answers: how many values were compared.
        failure: what was wrong, in lines; empty if nothing was.
    """

    number: int
    variant: Variant
    reached: frozenset[str]
    answers: int
    failure: str


def try_cases(cases: Sequence[Case], *, root: Path | None = None) -> list[Result]:
    """Try cases of one variant in one image.

    Args:
        cases: not empty, all of one variant.
        root: the firmware folder.
    """
    variant = cases[0].variant
    sources = {f"e{case.number}": case.source for case in cases}
    with tempfile.TemporaryDirectory(prefix="tinysine-conformance-") as folder:
        try:
            if variant.compiler == "host":
                answers = _on_host(cases, sources, Path(folder), root)
            else:
                machine = Machine(build(sources, variant, Path(folder), root=root), variant.core)
                answers = [
                    machine.run(f"e{case.number}", case.inputs, outputs=case.model.outputs) for case in cases
                ]
        except BuildError as error:
            if len(cases) > 1:  # which of them? each alone tells
                alone = [result for case in cases for result in try_cases([case], root=root)]
                if any(result.failure for result in alone) or "still running" in error.message:
                    return alone
                # Two of their headers cannot stand in one file, or one engine disturbs another.
                told = f"is right alone, and not together with {len(cases) - 1} others: {error.message}"
                answers = [told] * len(cases)
            else:
                answers = [error.message]
    return [_judged(case, got) for case, got in zip(cases, answers, strict=True)]


def _on_host(
    cases: Sequence[Case], sources: Mapping[str, str], work: Path, root: Path | None
) -> list[Values | str]:
    program = build_host(sources, work, root=root)
    answers = run_host(program, [(case.model, case.inputs) for case in cases])
    if isinstance(answers, str):
        if len(cases) == 1:
            return [answers]
        raise BuildError(answers)  # which of them? each alone tells
    return list(answers)


def _judged(case: Case, got: Values | str) -> Result:
    if isinstance(got, str):
        problem, count = got, 0
    else:
        expected = integer_oracle(case.model, case.rounding).run(case.inputs)
        problem = difference(case.inputs, got, expected)
        count = sum(array.size for array in arrays_of(expected))
    return Result(case.number, case.variant, reached(case), count, _described(case, problem))


def difference(inputs: Values, got: Values, expected: Values) -> str:
    """Return a line about the first answer that is not bit for bit the expected one; empty if all are."""
    outputs = list(zip(arrays_of(got), arrays_of(expected), strict=True))
    for number, (ours, right) in enumerate(outputs):
        unsigned = np.dtype(f"u{right.dtype.itemsize}")
        wrong = np.flatnonzero((ours.view(unsigned) != right.view(unsigned)).any(axis=1))
        if wrong.size:
            first = wrong[0]
            asked = " and ".join(str(array[first].tolist()) for array in arrays_of(inputs))
            which = f" at output {number}" if len(outputs) > 1 else ""
            return (
                f"{wrong.size} of {len(right)} answers differ{which}; input {asked}: "
                f"got {ours[first].tolist()}, expected {right[first].tolist()}"
            )
    return ""


def _described(case: Case, problem: str) -> str:
    if not problem:
        return ""
    build_ = f"{case.variant.core}, {case.variant.compiler}, {case.variant.profile}, {case.rounding}"
    if isinstance(case.model, DenseChain) and not case.operator:
        kind, options = "network", "--networks 1 --graphs 0 --hosted 0"
        widths = (case.model.input.count, *(layer.outputs for layer in case.model.layers))
        what = f"{'-'.join(map(str, widths))}, {case.model.input.dtype} to {case.model.output.dtype}"
    else:
        hosted = case.variant.compiler == "host"
        options = f"--networks 0 --graphs {0 if hosted else 1} --hosted {1 if hosted else 0}"
        kind, what = "graph", case.operator
    return (
        f"{kind} {case.number} ({what}; {build_}): "
        f"{problem}\n    again: python -m trust conformance --seed {case.number} {options}"
    )
