"""Equality bit for bit: 0.0 is not -0.0, and one NaN is not another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.tensor_values import Values, arrays_of, inferences_of
from tinysine.verdicts.tolerance import EQUAL, Tolerance


def bits_of(values: NDArray[Any]) -> NDArray[Any]:
    """Return the bit patterns of `values`: floats as unsigned integers of their size, anything else as it is."""
    if values.dtype.kind != "f":
        return values
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def differing(device: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows differ in any bit.

    Args:
        device, expected: [n, outputs], of one dtype.
    Returns:
        bool [n].
    """
    rows: NDArray[np.bool_] = np.any(bits_of(device) != bits_of(expected), axis=1)
    return rows


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


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether two arrays have one dtype, one shape and the same bits."""
    return one.dtype == other.dtype and np.array_equal(bits_of(one), bits_of(other))
