"""Arrays of what a caller hands in: taken where nothing is lost, refused where a number would change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shape = tuple[int | None, ...]
"""Sizes of the axes; None for any."""


def exact_array(values: ArrayLike, dtype: np.dtype[Any], shape: Shape, name: str) -> NDArray[Any]:
    """Take an array as it is, and a list of numbers that all fit the dtype.

    Args:
        values: a NumPy array, which must have the dtype, or nested lists of numbers.
        dtype: wanted.
        shape: wanted.
        name: of the argument, for messages.
    Returns:
        The array, of that dtype and shape, and of no subclass: a mask is gone, the numbers under it are there.
    Raises:
        TypeError: no numbers, or rows of different lengths.
        ValueError: another dtype or shape, or a number that the dtype cannot hold.
    """
    wanted = f"{dtype} [{', '.join('n' if size is None else str(size) for size in shape)}]"
    # Of a subclass only the numbers count: a masked array is equal to anything where it is masked.
    array = (
        np.asarray(values) if isinstance(values, np.ndarray) else _from_numbers(values, dtype, wanted, name)
    )
    if array.dtype != dtype:
        real = array.dtype.kind == "f" and dtype.kind != "f"
        raise ValueError(
            f"{name} is {array.dtype}, but must be {wanted}"
            + ("; infer_f32 takes real numbers as float32" if real else "")
        )
    fits = array.ndim == len(shape) and all(
        size in (None, got) for size, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has shape {list(array.shape)}, but must be {wanted}")
    return array


def _from_numbers(values: ArrayLike, dtype: np.dtype[Any], wanted: str, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise TypeError(f"{name} must be {wanted}, and is no array of numbers: {error}") from None
    if array.size == 0:
        return array.astype(dtype)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {wanted}, not {type(values).__name__} of {array.dtype}")
    if array.dtype.kind == "f" and dtype.kind != "f":
        return array  # refused by its dtype
    with np.errstate(over="ignore"):
        exact = array.astype(dtype)
    # float32 holds the nearest of most decimals, which is what a list of them means.
    same = np.isfinite(exact) == np.isfinite(array) if dtype.kind == "f" else exact == array
    if not np.all(same):
        wrong = array.flat[int(np.argmin(same))]
        raise ValueError(f"{name} has {wrong}, which {dtype} cannot hold; it must be {wanted}")
    return exact
