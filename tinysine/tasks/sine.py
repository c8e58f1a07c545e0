"""The device's error against math.sin: not one step more than the int8 model's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.model import Model
from tinysine.quantization import dequantize
from tinysine.tasks.sine_curve import sine
from tinysine.verdicts.stages import Finding, Stage

_TWO_PI = 2 * math.pi
_LEAST_COVER = 0.9
_MOST_MAE = 0.45
_LEAST_POINTS = 16

SINE_CRITERION = (
    "one input and one output; the checked inputs cover at least nine tenths of 0..2pi; and there the "
    "reference's mean absolute error against sin(x) is at most 0.45, where always answering zero has 0.64"
)


@dataclass(frozen=True)
class SineVerdict:
    """Errors against math.sin over the checked inputs that int8 can represent, in the output's real unit.

    Attributes:
        passed: the device's largest and mean error are no larger than the reference's.
        mae, max_error: the device's; None when an answer is not finite.
        model_mae, model_max_error: the reference's, that is, the int8 model's own.
        finding: what is wrong; None when passed.
    """

    passed: bool
    mae: float | None
    max_error: float | None
    model_mae: float
    model_max_error: float
    finding: Finding | None


def sine_likeness(model: Model, inputs: NDArray[Any], reference: NDArray[Any]) -> float | None:
    """Return the distance of the model from sin(x) over 0..2pi, or None if the question does not apply.

    Args:
        model: for its quantisation.
        inputs: [n, input.count].
        reference: the oracle's answers [n, output.count].
    Returns:
        Mean absolute error over the inputs in 0..2pi; None for several inputs or outputs, or when the
        inputs do not cover that range.
    """
    if len(model.inputs) > 1 or len(model.outputs) > 1 or len(inputs) == 0:
        return None
    if model.input.count != 1 or model.output.count != 1:
        return None
    x, y = _reals(inputs, model, end="input"), _reals(reference, model, end="output")
    inside = (x >= 0) & (x <= _TWO_PI)
    if np.count_nonzero(inside) < _LEAST_POINTS:
        return None
    if np.ptp(x[inside]) < _LEAST_COVER * _TWO_PI:
        return None
    return float(np.mean(np.abs(y[inside] - sine(x[inside]))))


def judge_sine(
    model: Model, *, inputs: NDArray[Any], device: NDArray[Any], reference: NDArray[Any]
) -> SineVerdict | None:
    """Hold the device against math.sin, if the model is a sine by `SINE_CRITERION`.

    Args:
        model: for its quantisation.
        inputs: [n, 1] in the model's input dtype.
        device, reference: [n, 1] in the model's output dtype.
    Returns:
        None for a model that is no sine: the comparison is absent, not zero.
    """
    likeness = sine_likeness(model, inputs, reference)
    if likeness is None or likeness > _MOST_MAE or device.shape != reference.shape:
        return None
    x = _reals(inputs, model, end="input")
    able = _representable(x, model)
    truth = sine(x[able])
    model_errors = np.abs(_reals(reference, model, end="output")[able] - truth)
    errors = np.abs(_reals(device, model, end="output")[able] - truth)
    model_mae, model_max = float(model_errors.mean()), float(model_errors.max())
    if not np.all(np.isfinite(errors)):
        finding = Finding(Stage.ENGINE, "an answer is not a finite number, so its error has no value")
        return SineVerdict(False, None, None, model_mae, model_max, finding)
    mae, worst = float(errors.mean()), float(errors.max())
    excess = None
    if worst > model_max or mae > model_mae:
        of_worst, of_mean = _decimals(worst, model_max), _decimals(mae, model_mae)
        excess = Finding(
            Stage.ENGINE,
            f"error against sin(x) is {worst:.{of_worst}f} at most and {mae:.{of_mean}f} on average; "
            f"the int8 model's own is {model_max:.{of_worst}f} and {model_mae:.{of_mean}f}",
        )
    return SineVerdict(excess is None, mae, worst, model_mae, model_max, excess)


def _decimals(a: float, b: float) -> int:
    """Return how many decimals show that two errors differ: from four, which are enough for equal ones, to nine."""
    return next((n for n in range(4, 9) if a == b or f"{a:.{n}f}" != f"{b:.{n}f}"), 9)


def _representable(x: NDArray[np.float64], model: Model) -> NDArray[np.bool_]:
    """Tell which float inputs the network's int8 codes can represent; the others saturate by design."""
    q = model.input.coded_as
    if q is None:
        return np.ones(len(x), dtype=np.bool_)
    inside: NDArray[np.bool_] = (x >= q.scale * (-128.5 - q.zero_point)) & (
        x <= q.scale * (127.5 - q.zero_point)
    )
    return inside


def _reals(codes: NDArray[Any], model: Model, *, end: str) -> NDArray[np.float64]:
    tensor = model.input if end == "input" else model.output
    flat = codes.reshape(-1)
    if tensor.quantization is None:
        return flat.astype(np.float64)
    return dequantize(flat, tensor.quantization).astype(np.float64)
