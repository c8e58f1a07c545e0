"""Equality bit for bit, and how far apart two arrays are: 0.0 is not -0.0, and one NaN is not another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether two arrays have one dtype, one shape and the same bits."""
    return one.dtype == other.dtype and np.array_equal(bits_of(one), bits_of(other))


def largest_difference(one: NDArray[Any], other: NDArray[Any]) -> int | float | None:
    """Return by how much two arrays differ at most.

    Args:
        one, other: of one shape and one dtype.
    Returns:
        An int for integers; None where nothing was compared, or a difference is not a finite number.
    """
    if one.size == 0:
        return None
    if np.issubdtype(one.dtype, np.integer):
        return int(np.max(np.abs(one.astype(np.int64) - other.astype(np.int64))))
    # A signalling NaN, and the difference of two infinities.
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
    return largest if np.isfinite(largest) else None
