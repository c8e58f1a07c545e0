"""Sources of the error at each x: input rounding, the network, its quantisation, the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.graph import DenseChain
from tinysine.quantization import dequantize, quantize
from tinysine.tasks.sine_curve import sine

Reals = NDArray[np.float64]
_FINE = 1024
STAGES = ("input", "network", "quantization", "device")


@dataclass(frozen=True, eq=False)
class ErrorBudget:
    """Signed errors, float64 [n] each, in the output's real unit. The four stages add up to `total`.

    Attributes:
        x: the real inputs.
        input: sin(x as the model sees it) - sin(x): the step of the input codes.
        network: the network in real arithmetic - sin: what training left.
        quantization: the int8 network - the network in real arithmetic.
        device: the device - the int8 network: zero on a device that is right.
        total: the device - sin(x).
    """

    x: Reals
    input: Reals
    network: Reals
    quantization: Reals
    device: Reals
    total: Reals

    def largest(self) -> dict[str, tuple[float, float]]:
        """Per stage, its largest absolute error and the x it occurs at."""
        rows = {}
        for stage in STAGES:
            errors: Reals = getattr(self, stage)
            at = int(np.argmax(np.abs(errors)))
            rows[stage] = (float(abs(errors[at])), float(self.x[at]))
        return rows


def error_budget(
    *, x: NDArray[Any], seen: NDArray[Any], network: NDArray[Any], int8: NDArray[Any], device: NDArray[Any]
) -> ErrorBudget:
    """Split the error at each x into its stages.

    Args:
        x: real inputs, [n] or [n, 1], finite.
        seen: the reals that their input codes stand for; x itself where the codes are what was chosen.
        network: the network in real arithmetic, at `seen`; see `real_network`.
        int8: the int8 network's answers as reals: the matching oracle's, dequantised.
        device: the device's answers as reals.
    Returns:
        The stages, adding up to device - sin(x) to within float64 rounding.
    Raises:
        ConfigError: lengths differ, there are none, or a value is not finite.
    """
    arrays = [np.asarray(a, np.float64).reshape(-1) for a in (x, seen, network, int8, device)]
    lengths = sorted({len(a) for a in arrays})
    if len(lengths) != 1 or lengths == [0]:
        raise ConfigError(f"an error budget needs one answer for each x, got lengths {lengths}", key="x")
    if not all(np.all(np.isfinite(a)) for a in arrays):
        raise ConfigError("an error budget needs finite numbers only", key="x")
    at, through, real, quantised, got = arrays
    truth, shown = sine(at), sine(through)
    return ErrorBudget(
        x=at,
        input=shown - truth,
        network=real - shown,
        quantization=quantised - real,
        device=got - quantised,
        total=got - truth,
    )


def real_network(model: DenseChain, x: NDArray[Any]) -> Reals:
    """Run the model's own weights in real arithmetic: no activation is rounded or saturated.

    Args:
        model: its int8 weights stand for weights * weight_scales, its int32 biases for bias * input *
            weight scale.
        x: real inputs [n, input.count].
    Returns:
        float64 [n, output.count].
    """
    values = np.asarray(x, np.float64)
    for layer in model.layers:
        weights = layer.weights.astype(np.float64) * layer.weight_scales[:, np.newaxis]
        values = values @ weights.T + layer.bias * (layer.weight_scales * layer.input.scale)
        if layer.activation != "none":
            values = np.clip(values, 0.0, 6.0 if layer.activation == "relu6" else None)
    return values


def budget_of(
    model: DenseChain,
    *,
    inputs: NDArray[Any],
    device: NDArray[Any],
    reference: NDArray[Any],
    exhaustive: bool,
) -> ErrorBudget:
    """Split the errors of a sine model on a device into their stages.

    Args:
        model: one input, one output.
        inputs: [n, 1] in the model's input dtype.
        device, reference: [n, 1] in the model's output dtype.
        exhaustive: the inputs are all codes there are. The budget is then taken over reals finer than the
            codes, each with its own code's answers, so that the step of the codes shows as well.
    """

    def reals(outputs: NDArray[Any]) -> NDArray[Any]:
        q = model.output.quantization
        return outputs if q is None else dequantize(outputs, q)

    q = model.input.quantization
    rows = np.arange(len(inputs))
    if q is None:
        inner = model.layers[0].input
        x, seen = inputs, dequantize(quantize(inputs, inner, np.dtype(np.int8)), inner)
    elif exhaustive:
        ends = dequantize(inputs, q)
        x = np.linspace(float(ends.min()), float(ends.max()), _FINE, dtype=np.float32)
        row_of = {int(code): row for row, code in enumerate(inputs[:, 0])}
        rows = np.array([row_of[int(code)] for code in quantize(x, q, inputs.dtype)])
        seen = dequantize(inputs[rows], q)
    else:
        x = seen = dequantize(inputs, q)
    return error_budget(
        x=x,
        seen=seen,
        network=real_network(model, seen.reshape(-1, 1)),
        int8=reals(reference[rows]),
        device=reals(device[rows]),
    )
