"""Tolerance of an output: none, unless the user asked for one; and which outputs are wrong by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.bits import differing
from tinysine.tensor_values import Values, arrays_of, inferences_of


@dataclass(frozen=True)
class Tolerance:
    """Differences up to it count as equal.

    Attributes:
        codes: of outputs in integers.
        absolute: of outputs in float32, in their own unit.
    """

    codes: int = 0
    absolute: float = 0.0

    def of(self, dtype: np.dtype[Any]) -> int | float:
        """Return that of an output of some dtype; 0 demands equality."""
        return self.absolute if dtype.kind == "f" else self.codes


EQUAL = Tolerance()


def wrong_rows(device: Values, expected: Values, tolerance: Tolerance = EQUAL) -> NDArray[np.bool_]:
    """Return which inferences have a wrong output, of any tensor.

    Args:
        device, expected: [n, outputs], of one dtype; tuples of these for several outputs.
        tolerance: up to which a difference is none.
    Returns:
        bool [n].
    """
    wrong = np.zeros(inferences_of(expected), np.bool_)
    for got, due in zip(arrays_of(device), arrays_of(expected), strict=True):
        far = tolerance.of(due.dtype)
        wrong |= beyond(got, due, far).any(axis=1) if far else differing(got, due)
    return wrong


def beyond(device: NDArray[Any], expected: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Return which values differ by more than a tolerance; one that is not a number always does.

    Args:
        device, expected: [n, outputs], of one dtype.
        tolerance: in codes for integers, in the output's own unit for floats; 0 or more.
    Returns:
        bool [n, outputs].
    """
    with np.errstate(invalid="ignore"):
        difference = np.abs(device.astype(np.float64) - expected.astype(np.float64))
    far: NDArray[np.bool_] = ~(difference <= tolerance)
    return far
