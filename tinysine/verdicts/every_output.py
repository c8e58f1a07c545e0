"""Every output tensor of a model against the references', each by itself, and what they come to together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tinysine.model import Tensor, names_of
from tinysine.quantization import Rounding
from tinysine.record import Number
from tinysine.tensor_values import Values, arrays_of
from tinysine.verdicts.outputs import (
    FIRST_DIFFERENCES,
    Against,
    OutputsVerdict,
    OutputVerdict,
    judge_outputs,
)
from tinysine.verdicts.stages import Finding, Stage
from tinysine.verdicts.tolerance import EQUAL, Tolerance, wrong_rows


def judge_every_output(
    tensors: Sequence[Tensor],
    *,
    inputs: Values,
    device: Values,
    answers: Mapping[str, Values],
    rounding: Rounding,
    data: str = "",
    tolerance: Tolerance = EQUAL,
) -> OutputsVerdict:
    """Hold the device's answers against the oracles', output by output, as `judge_outputs` does.

    Args:
        tensors: the outputs of the model.
        inputs: as the device was asked.
        device: an array [n, count] for each output, in the order of the inputs.
        answers: the same from each oracle, by its name.
        rounding, data: as for `judge_outputs`.
        tolerance: of each output by its dtype.
    Returns:
        The verdict of the one output; of several, one over all of them, which has each in `tensors`: an inference is
        right where all its outputs are, and the finding names those that are not.
    Raises:
        ConfigError: no oracle of this rounding.
    """
    got = arrays_of(device)
    if len(got) != len(tensors):
        return replace(
            judge_outputs(inputs=inputs, device=got[0], answers=_of(answers, 0), rounding=rounding),
            checked=0,
            exhaustive=False,
            finding=Finding(Stage.FIRMWARE, f"the device gives {len(got)} outputs, the model {len(tensors)}"),
        )
    verdicts = tuple(
        judge_outputs(
            inputs=inputs,
            device=got[index],
            answers=_of(answers, index),
            rounding=rounding,
            quantization=tensor.quantization,
            data=data,
            tolerance=tolerance.of(tensor.dtype),
        )
        for index, tensor in enumerate(tensors)
    )
    if len(verdicts) == 1:
        return verdicts[0]
    return _together(tensors, verdicts, device, answers, tolerance)


def _of(answers: Mapping[str, Values], index: int) -> dict[str, Values]:
    return {name: arrays_of(values)[index] for name, values in answers.items()}


def _together(
    tensors: Sequence[Tensor],
    verdicts: tuple[OutputsVerdict, ...],
    device: Values,
    answers: Mapping[str, Values],
    tolerance: Tolerance,
) -> OutputsVerdict:
    names, first = names_of(tensors), verdicts[0]
    comparable = all(verdict.checked for verdict in verdicts)
    differences = sorted(
        (
            replace(one, output=name)
            for name, verdict in zip(names, verdicts, strict=True)
            for one in verdict.first_mismatches
        ),
        key=lambda one: one.index,
    )
    against = {}
    for reference in answers if comparable else ():
        rows = [verdict.against[reference] for verdict in verdicts]
        differing = [row for row in rows if row.mismatches]
        explained = differing and all(row.explanation for row in differing)
        against[reference] = Against(
            _differing(rows, first.checked, device, answers[reference]),
            _largest_known([row.max_abs_diff for row in rows]),
            differing[0].explanation if explained else "",
        )
    mismatches = int(wrong_rows(device, answers[first.reference], tolerance).sum()) if comparable else 0
    unequal = against[first.reference].mismatches if comparable else 0
    return replace(
        first,
        checked=first.checked if comparable else 0,
        exhaustive=first.exhaustive and comparable,
        mismatches=mismatches,
        max_abs_diff=_largest_known([verdict.max_abs_diff for verdict in verdicts]),
        first_mismatches=tuple(differences[:FIRST_DIFFERENCES]),
        against=against,
        finding=_finding(names, verdicts),
        metrics=None,
        tolerance=0,
        tolerated=unequal - mismatches if tolerance != EQUAL else None,
        tensors=tuple(
            OutputVerdict(
                name=name,
                dtype=tensor.dtype.name,
                elements=tensor.count,
                mismatches=verdict.mismatches,
                max_abs_diff=verdict.max_abs_diff,
                tolerance=verdict.tolerance,
                tolerated=verdict.tolerated,
                metrics=verdict.metrics,
                against=verdict.against,
            )
            for name, tensor, verdict in zip(names, tensors, verdicts, strict=True)
        ),
    )


def _finding(names: Sequence[str], verdicts: Sequence[OutputsVerdict]) -> Finding | None:
    """Return the finding over all outputs, with the names of the wrong ones; None if none is wrong."""
    wrong = [
        (name, verdict.finding)
        for name, verdict in zip(names, verdicts, strict=True)
        if verdict.finding is not None
    ]
    if not wrong:
        return None
    reasons = [f"output {name!r}: {finding.reason}" for name, finding in wrong]
    return Finding(wrong[0][1].stage, "; ".join(reasons))


def _differing(rows: Sequence[Against], checked: int, device: Values, expected: Values) -> int:
    """Inferences with an output that differs; all of them where one output cannot be compared at all."""
    if any(row.mismatches == checked for row in rows):
        return checked
    return int(wrong_rows(device, expected).sum())


def _largest_known(differences: Sequence[Number | None]) -> Number | None:
    known = [difference for difference in differences if difference is not None]
    return max(known) if len(known) == len(differences) else None
