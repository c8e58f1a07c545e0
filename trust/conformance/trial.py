"""One image's worth of cases: generate, compile together, run, compare."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import BuildError
from tinysine.oracles import integer_oracle
from trust.conformance.coverage import reached
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Case, Variant


@dataclass(frozen=True)
class Result:
    """What came of one case.

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
            machine = Machine(build(sources, variant, Path(folder), root=root), variant.core)
        except BuildError as error:
            if len(cases) > 1:  # which of them? each alone tells
                return [result for case in cases for result in try_cases([case], root=root)]
            what = reached(sources[f"e{cases[0].number}"], cases[0].model, str(cases[0].rounding))
            return [Result(cases[0].number, variant, what, 0, _described(cases[0], error.message))]
    results = []
    for case in cases:
        failure, answers = _judge(case, machine)
        what = reached(sources[f"e{case.number}"], case.model, str(case.rounding))
        results.append(Result(case.number, variant, what, answers, failure))
    return results


def _judge(case: Case, machine: Machine) -> tuple[str, int]:
    expected = integer_oracle(case.model, case.rounding).run(case.inputs)
    got = machine.run(
        f"e{case.number}",
        case.inputs,
        output_count=case.model.output.count,
        output_dtype=case.model.output.dtype,
    )
    if isinstance(got, str):
        return _described(case, got), 0
    return _described(case, difference(case.inputs, got, expected)), expected.size


def difference(inputs: NDArray[Any], got: NDArray[Any], expected: NDArray[Any]) -> str:
    """The first answer that is not bit for bit the expected one; empty if all are."""
    unsigned = np.dtype(f"u{expected.dtype.itemsize}")
    wrong = np.flatnonzero((got.view(unsigned) != expected.view(unsigned)).any(axis=1))
    if not wrong.size:
        return ""
    first = wrong[0]
    return (
        f"{wrong.size} of {len(expected)} answers differ; input {inputs[first].tolist()}: "
        f"got {got[first].tolist()}, expected {expected[first].tolist()}"
    )


def _described(case: Case, problem: str) -> str:
    if not problem:
        return ""
    build_ = f"{case.variant.core}, {case.variant.compiler}, {case.variant.profile}, {case.rounding}"
    widths = "-".join(
        str(n) for n in (case.model.input.count, *(layer.outputs for layer in case.model.layers))
    )
    return (
        f"network {case.number} ({widths}, {case.model.input.dtype} to {case.model.output.dtype}; {build_}): "
        f"{problem}\n    again: python -m trust conformance --seed {case.number} --networks 1"
    )
