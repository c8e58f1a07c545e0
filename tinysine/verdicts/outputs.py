"""The device's answers against every reference: equality with the matching one, others explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.oracles import integer_oracle_name, matching_oracle_name, rounding_of
from tinysine.quantization import Rounding
from tinysine.verdicts.attribution import attribute
from tinysine.verdicts.stages import Finding, Stage

Number = int | float
FIRST_DIFFERENCES = 5


@dataclass(frozen=True)
class Difference:
    """One inference whose answer is wrong. Numbers are in the model's own dtypes."""

    index: int
    input: tuple[Number, ...]
    expected: tuple[Number, ...]
    got: tuple[Number, ...]


@dataclass(frozen=True)
class Against:
    """The device held against one reference.

    Attributes:
        name: of the reference.
        mismatches: inferences with at least one differing output.
        max_abs_diff: largest difference of one output, in the output's own unit (codes, or reals for
            float32); None when a device answer is not finite.
        explanation: why a difference is expected; "" where none is expected.
    """

    name: str
    mismatches: int
    max_abs_diff: Number | None
    explanation: str


@dataclass(frozen=True)
class OutputsVerdict:
    """Whether the device answers as the reference does.

    Attributes:
        passed: every answer was there, finite, and equal to the reference's.
        checked: inferences compared.
        exhaustive: whether they were all that exist: every code of a one-element 8-bit input.
        reference: the oracle that had to be equalled.
        mismatches, max_abs_diff: against it; see `Against`.
        first: the first few wrong answers.
        against: the device against every reference, the matching one included.
        finding: what broke; None when passed.
    """

    passed: bool
    checked: int
    exhaustive: bool
    reference: str
    mismatches: int
    max_abs_diff: Number | None
    first: tuple[Difference, ...]
    against: tuple[Against, ...]
    finding: Finding | None


def choose_reference(names: tuple[str, ...], rounding: Rounding) -> str:
    """Name the oracle that firmware of this rounding has to equal.

    The independent implementation where it is installed; else the integer arithmetic of the same rounding,
    which the unit tests hold against it.

    Raises:
        ConfigError: none of the names has this rounding.
    """
    for name in (matching_oracle_name(rounding), integer_oracle_name(rounding)):
        if name in names:
            return name
    raise ConfigError(
        f"no oracle with {rounding} rounding is available",
        hint="pip install 'tinysine[tflm]', or choose the other rounding",
        key="rounding",
        allowed=names,
    )


def judge_outputs(
    *,
    inputs: NDArray[Any],
    device: NDArray[Any],
    answers: Mapping[str, NDArray[Any]],
    rounding: Rounding,
) -> OutputsVerdict:
    """Hold the device's answers against the oracles'.

    Args:
        inputs: [n, input.count] in the model's input dtype.
        device: [n, output.count] in the model's output dtype, in the order of the inputs.
        answers: what each oracle says to the same inputs, by oracle name.
        rounding: which the firmware was built with: it must equal the oracle of that rounding. References
            of the same rounding must also agree with each other, or the reference itself is in doubt, and
            that fails too.
    Returns:
        The verdict. It fails on no answers, on missing or surplus answers, on another dtype, on a NaN.
    Raises:
        ConfigError: no oracle of this rounding.
    """
    reference = choose_reference(tuple(answers), rounding)
    expected = answers[reference]
    checked = len(inputs)
    if broken := _not_comparable(inputs, device, expected):
        return OutputsVerdict(False, 0, False, reference, 0, None, (), (), broken)

    wrong = _wrong(device, expected)
    against = tuple(_against(name, device, answers, rounding) for name in answers)
    own = next(row for row in against if row.name == reference)
    finding = attribute(device=device, answers=answers, reference=reference, rounding=rounding)
    first = tuple(
        Difference(int(i), _numbers(inputs[i]), _numbers(expected[i]), _numbers(device[i]))
        for i in np.flatnonzero(wrong)[:FIRST_DIFFERENCES]
    )
    return OutputsVerdict(
        passed=finding is None and own.mismatches == 0,
        checked=checked,
        exhaustive=_covers_domain(inputs),
        reference=reference,
        mismatches=own.mismatches,
        max_abs_diff=own.max_abs_diff,
        first=first,
        against=against,
        finding=finding,
    )


def _not_comparable(inputs: NDArray[Any], device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if len(inputs) == 0:
        return Finding(Stage.HARNESS, "no input was checked, so nothing is shown")
    if len(device) != len(inputs):
        return Finding(Stage.LINK, f"the device gave {len(device)} answers to {len(inputs)} inputs")
    if expected.ndim != 2 or len(expected) != len(inputs) or expected.shape[1] == 0:
        return Finding(Stage.ORACLES, f"the reference gave {expected.shape} outputs for {len(inputs)} inputs")
    if not np.all(np.isfinite(expected.astype(np.float64))):
        return Finding(Stage.ORACLES, "the reference itself gave an answer that is not a finite number")
    if device.shape != expected.shape or device.dtype != expected.dtype:
        got, due = (f"{a.dtype} {list(a.shape)}" for a in (device, expected))
        return Finding(Stage.FIRMWARE, f"the device answers {got}, the model {due}")
    return None


def _wrong(device: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool_]:
    # A NaN differs from everything, itself included: it cannot be counted as equal.
    wrong: NDArray[np.bool_] = np.any(device != expected, axis=1)
    return wrong


def _against(
    name: str, device: NDArray[Any], answers: Mapping[str, NDArray[Any]], rounding: Rounding
) -> Against:
    expected = answers[name]
    if expected.shape != device.shape:
        return Against(name, len(device), None, "")
    mismatches = int(np.count_nonzero(_wrong(device, expected)))
    explanation = ""
    if mismatches and rounding_of(name) not in (None, rounding):
        explanation = _explain(name, answers, rounding)
    return Against(name, mismatches, _max_abs_diff(device, expected), explanation)


def _explain(name: str, answers: Mapping[str, NDArray[Any]], rounding: Rounding) -> str:
    other = rounding_of(name)
    twin = "" if other is None else integer_oracle_name(other)
    if twin not in answers or not np.array_equal(answers[name], answers[twin]):
        return ""
    return f"rounding: {name} rounds as {other} does, this firmware as {rounding} does"


def _max_abs_diff(device: NDArray[Any], expected: NDArray[Any]) -> Number | None:
    if np.issubdtype(device.dtype, np.integer):
        return int(np.max(np.abs(device.astype(np.int64) - expected.astype(np.int64))))
    difference = np.abs(device.astype(np.float64) - expected.astype(np.float64))
    return float(np.max(difference)) if np.all(np.isfinite(difference)) else None


def _covers_domain(inputs: NDArray[Any]) -> bool:
    """Judged from the inputs themselves, so that nobody can claim it."""
    return inputs.dtype.itemsize == 1 and inputs.shape[1] == 1 and len(np.unique(inputs)) == 256


def _numbers(row: NDArray[Any]) -> tuple[Number, ...]:
    return tuple(row.tolist())
