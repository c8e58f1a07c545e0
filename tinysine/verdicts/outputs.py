"""The device's answers against every reference: equality with the matching one, others explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinysine.bits import differing, largest_difference, same_bits
from tinysine.errors import ConfigError
from tinysine.oracles import integer_oracle_name, matching_oracle_name, rounding_of
from tinysine.quantization import Quantization, Rounding
from tinysine.record import Count, Distance, Dtype, Inference, Number, Positive, Record, Words, always, fact
from tinysine.tensor_values import Values, arrays_of, inferences_of, numbers_of
from tinysine.verdicts.attribution import attribute
from tinysine.verdicts.metrics import Metrics, metrics_of
from tinysine.verdicts.stages import Finding, Stage
from tinysine.verdicts.tolerance import beyond

FIRST_DIFFERENCES = 5

# What is said of all outputs, and of each of several.
Mismatches = Annotated[
    Count,
    fact(
        "inferences that differ from `reference` in any output; with a tolerance, by more than it. One fails",
        better="lower",
    ),
]
MaxAbsDiff = Annotated[
    Distance | None,
    fact(
        "largest difference of one output, in its own unit: codes, or reals for float32; absent where an answer is not "
        "finite",
        better="lower",
    ),
]


class Against(Record):
    """The device compared with one reference."""

    mismatches: Annotated[Count, fact("inferences with at least one output that differs")]
    max_abs_diff: MaxAbsDiff = None
    explanation: Annotated[
        Words,
        fact(
            "why a difference is expected; there only if it was shown to be rounding: the integer arithmetic with "
            "that rounding gives exactly the same answers"
        ),
    ] = ""


ToleranceAsked = Annotated[
    Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)],
    fact(
        "the tolerance that was given, in codes or in the output's own unit; only for an "
        "engine or firmware of your own"
    ),
]
Tolerated = Annotated[Count | None, fact("with a tolerance: inferences that differ, but by no more than it")]
MetricsOrNone = Annotated[
    Metrics | None, fact("how far the device is from the reference in real values; not part of the verdict")
]
AgainstAll = Annotated[
    dict[str, Against],
    fact("by the name of a reference: the device compared with it, the matching one included"),
]


class Difference(Record):
    """One inference whose answer is wrong. Numbers are in the model's own dtypes."""

    index: Annotated[Count, fact("of the inference")]
    input: Annotated[Inference, fact("all numbers that went in, tensor after tensor")]
    expected: Annotated[Inference, fact("the reference's numbers of one output")]
    got: Annotated[Inference, fact("the device's")]
    output: Annotated[Words, fact("name of that output's tensor, where the model has several")] = ""


class OutputVerdict(Record, kw_only=True):
    """One of several outputs, by itself."""

    name: Annotated[Words, fact("of its tensor; unique among the outputs")]
    dtype: Annotated[Dtype, fact("of its values")]
    elements: Annotated[Positive, fact("per inference")]
    mismatches: Mismatches
    max_abs_diff: MaxAbsDiff = None
    tolerance: ToleranceAsked = 0
    tolerated: Tolerated = None
    metrics: MetricsOrNone = None
    against: AgainstAll


class Comparison(Record, kw_only=True):
    """The device's answers held against the references'."""

    checked: Annotated[Count, fact("inferences compared")]
    exhaustive: Annotated[
        bool, fact("whether every possible input was compared: 2 to the power of `domain_bits`")
    ]
    domain_bits: Annotated[
        Count, fact("the bits of one input; 0 if an earlier version did not record them")
    ] = always(0)
    reference: Annotated[
        Words, fact("the reference that the device had to equal: the one that rounds as the firmware does")
    ]
    stands_in_for: Annotated[
        Words,
        fact(
            "the independent reference of this rounding, where it is not installed and `reference` is this project's "
            "own integer arithmetic"
        ),
    ] = ""
    mismatches: Mismatches
    max_abs_diff: MaxAbsDiff = None
    tolerance: ToleranceAsked = 0
    tolerated: Tolerated = None
    metrics: MetricsOrNone = None
    first_mismatches: Annotated[tuple[Difference, ...], fact("the first few wrong answers")]
    against: AgainstAll
    tensors: Annotated[
        tuple[OutputVerdict, ...],
        fact(
            "each output, if the model has several; the fields beside this one are for all outputs together"
        ),
    ] = ()


class OutputsVerdict(Comparison, kw_only=True):
    """Verdict on the device's answers: each one must be present, finite, and equal to the reference's.

    Attributes:
        finding: what broke; None where nothing did.
        data: the user's file that the inputs came from; "" where the harness chose them.
    """

    finding: Finding | None = None
    data: str = ""

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return self.finding is None and not self.mismatches


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
        hint='pip install "tinysine[tflm]", or choose the other rounding',
        key="rounding",
        allowed=names,
    )


def stood_in_for(reference: str, rounding: Rounding) -> str:
    """Name the independent implementation of a rounding that a reference stands in for; "" where it is that one."""
    independent = matching_oracle_name(rounding)
    return "" if reference == independent else independent


def judge_outputs(
    *,
    inputs: Values,
    device: NDArray[Any],
    answers: Mapping[str, NDArray[Any]],
    rounding: Rounding,
    quantization: Quantization | None = None,
    data: str = "",
    tolerance: Number = 0,
) -> OutputsVerdict:
    """Hold the device's answers of one output against the oracles', bit for bit unless a tolerance is asked for.

    Args:
        inputs: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        device: [n, output.count] in the model's output dtype, in the order of the inputs.
        answers: what each oracle says to the same inputs, by oracle name.
        rounding: which the firmware was built with: it must equal the oracle of that rounding. References
            of the same rounding must also agree with each other, or the reference itself is in doubt, and
            that fails too.
        quantization: of the output, for the metrics.
        data: the user's file that the inputs came from.
        tolerance: differences up to it count as equal; never by default.
    Returns:
        The verdict. It fails on no answers, on missing or surplus answers, on another dtype, on a NaN, and on
        -0.0 where 0.0 is due.
    Raises:
        ConfigError: no oracle of this rounding.
    """
    reference = choose_reference(tuple(answers), rounding)
    stands_in_for = stood_in_for(reference, rounding)
    expected = answers[reference]
    checked = inferences_of(inputs)
    domain_bits = sum(8 * array.dtype.itemsize * int(np.prod(array.shape[1:])) for array in arrays_of(inputs))
    if broken := _not_comparable(checked, device, expected):
        return OutputsVerdict(
            checked=0,
            exhaustive=False,
            domain_bits=domain_bits,
            reference=reference,
            stands_in_for=stands_in_for,
            mismatches=0,
            first_mismatches=(),
            against={},
            finding=broken,
        )

    wrong, judged, tolerated = differing(device, expected), device, None
    if tolerance:
        far = beyond(device, expected, tolerance)
        judged = np.where(far, device, expected)
        tolerated = int(np.count_nonzero(wrong & ~np.any(far, axis=1)))
        wrong = np.any(far, axis=1)
    against = {name: _against(name, device, answers, rounding) for name in answers}
    mismatches = int(np.count_nonzero(wrong))
    finding = attribute(device=judged, answers=answers, reference=reference, rounding=rounding)
    first = tuple(
        Difference(int(i), numbers_of(inputs, int(i)), _numbers(expected[i]), _numbers(device[i]))
        for i in np.flatnonzero(wrong)[:FIRST_DIFFERENCES]
    )
    return OutputsVerdict(
        checked=checked,
        exhaustive=_covers_domain(inputs, domain_bits),
        domain_bits=domain_bits,
        reference=reference,
        stands_in_for=stands_in_for,
        mismatches=mismatches,
        max_abs_diff=against[reference].max_abs_diff,
        first_mismatches=first,
        against=against,
        finding=finding,
        metrics=metrics_of(device, expected, quantization),
        data=data,
        tolerance=tolerance or 0,
        tolerated=tolerated,
    )


def _not_comparable(count: int, device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if count == 0:
        return Finding(Stage.HARNESS, "no input was checked, so nothing is shown")
    if len(device) != count:
        return Finding(Stage.LINK, f"the device gave {len(device)} answers to {count} inputs")
    if expected.ndim != 2 or len(expected) != count or expected.shape[1] == 0:
        return Finding(Stage.ORACLES, f"the reference gave {expected.shape} outputs for {count} inputs")
    if not np.all(np.isfinite(expected)):
        return Finding(Stage.ORACLES, "the reference itself gave an answer that is not a finite number")
    if device.shape != expected.shape or device.dtype != expected.dtype:
        got, due = (f"{a.dtype} {list(a.shape)}" for a in (device, expected))
        return Finding(Stage.FIRMWARE, f"the device answers {got}, the model {due}")
    return None


def _against(
    name: str, device: NDArray[Any], answers: Mapping[str, NDArray[Any]], rounding: Rounding
) -> Against:
    expected = answers[name]
    if expected.shape != device.shape or expected.dtype != device.dtype:
        return Against(len(device))
    mismatches = int(np.count_nonzero(differing(device, expected)))
    explanation = ""
    if mismatches and rounding_of(name) not in (None, rounding):
        explanation = _explain(name, answers, rounding)
    return Against(mismatches, largest_difference(device, expected), explanation)


def _explain(name: str, answers: Mapping[str, NDArray[Any]], rounding: Rounding) -> str:
    other = rounding_of(name)
    twin = "" if other is None else integer_oracle_name(other)
    if twin not in answers or not same_bits(answers[name], answers[twin]):
        return ""
    return f"rounding: {name} rounds as {other} does, this firmware as {rounding} does"


def _covers_domain(inputs: Values, domain_bits: int) -> bool:
    """Judge from the inputs themselves, so that nobody can claim it."""
    arrays = arrays_of(inputs)
    if any(array.dtype.itemsize != 1 for array in arrays) or len(arrays[0]) < 2**domain_bits:
        return False
    codes = np.concatenate([np.ascontiguousarray(array).view(np.uint8) for array in arrays], axis=1)
    different = len({row.tobytes() for row in codes})  # np.unique would load numpy.ma
    return different == 1 << domain_bits


def _numbers(row: NDArray[Any]) -> tuple[Number, ...]:
    return tuple(row.tolist())
