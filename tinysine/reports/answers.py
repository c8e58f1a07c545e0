"""Inputs and answers of a run as real numbers: what a code stands for is in its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.evidence import Document, EndFacts

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Answers of a model with one number at each end, in the order of its inputs.

    Attributes:
        x: [n] real inputs, finite, ascending.
        device, expected: [n] real answers of the device and of the reference.
        step: of one code of the output; None where its values are reals.
        raw: [n, 3] input, device and reference as they are in the evidence.
    """

    x: Reals
    device: Reals
    expected: Reals
    step: float | None
    raw: NDArray[Any]

    @property
    def differences(self) -> Reals:
        """Device minus reference: in codes where there are any, else in the output's unit."""
        codes = self.raw[:, 1] - self.raw[:, 2]
        found: Reals = codes if self.step is not None else self.device - self.expected
        return found


def curve_of(document: Document, arrays: Mapping[str, NDArray[Any]]) -> Curve | None:
    """Return the curve of a run; None for a model with several numbers at an end, or where answers are missing.

    Args:
        document: its evidence.
        arrays: inputs and answers by their names in the evidence, as `arrays_of_file` gives them.
    """
    ends = document.model
    if ends is None or len(ends.inputs) != 1 or len(ends.outputs) != 1 or "device" not in arrays:
        return None
    inputs, device = arrays["inputs"], arrays["device"]
    expected = arrays.get("expected", device)
    if inputs.shape[1:] != (1,) or device.shape != inputs.shape or expected.shape != device.shape:
        return None
    raw = np.concatenate([inputs, device, expected], axis=1).astype(np.float64)
    raw = raw[np.isfinite(raw).all(axis=1)]
    raw = raw[np.argsort(raw[:, 0], kind="stable")]
    if len(raw) < 2 or raw[0, 0] == raw[-1, 0]:
        return None
    output = ends.outputs[0]
    return Curve(
        x=_reals(raw[:, 0], ends.inputs[0]),
        device=_reals(raw[:, 1], output),
        expected=_reals(raw[:, 2], output),
        step=output.scale,
        raw=raw,
    )


def _reals(values: Reals, end: EndFacts) -> Reals:
    if end.scale is None:
        return values
    return end.scale * (values - (end.zero_point or 0))
