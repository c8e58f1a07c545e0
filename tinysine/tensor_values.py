"""Values of inferences: one array where a model has one tensor at an end, a tuple of arrays where it has several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinysine.exact_arrays import exact_array

Values = Any
"""An array [n, count] of one tensor's values; a tuple of these, in the model's order, where there are several."""


class Tensor(Protocol):
    """Type of a tensor's values; tensors of a model and of a device have it."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    @property
    def count(self) -> int:
        """Values of one inference."""


def exact_values(
    values: ArrayLike | Sequence[ArrayLike], tensors: Sequence[Tensor], name: str, *, many: bool = True
) -> Values:
    """Take values that a caller hands in, where nothing is lost of them.

    Args:
        values: [n, count] in the tensor's dtype, or lists of numbers that it holds; for several tensors a tuple or list
            of these.
        tensors: whose values they are.
        name: of the argument, for messages.
        many: False for one inference, whose arrays are [count].
    Raises:
        TypeError: no numbers, or rows of different lengths.
        ValueError: another dtype, shape, number of tensors or of inferences, or a number that the dtype cannot hold.
    """
    batch = (None,) if many else ()
    if len(tensors) == 1:
        (tensor,) = tensors
        return exact_array(values, tensor.dtype, (*batch, tensor.count), name)  # type: ignore[arg-type]
    if not isinstance(values, (tuple, list)) or len(values) != len(tensors):
        raise ValueError(f"{name} must be a tuple of {len(tensors)} arrays, one for each tensor")
    arrays = [
        exact_array(value, tensor.dtype, (*batch, tensor.count), f"{name}[{index}]")
        for index, (value, tensor) in enumerate(zip(values, tensors, strict=True))
    ]
    if many and len(counts := {len(array) for array in arrays}) > 1:
        raise ValueError(f"{name} has {sorted(counts)} inferences for different tensors")
    return tuple(arrays)


def arrays_of(values: Values) -> tuple[NDArray[Any], ...]:
    """Return one array [n, count] for each tensor."""
    return values if isinstance(values, tuple) else (values,)


def values_of(arrays: Sequence[NDArray[Any]]) -> Values:
    """Return arrays as values: the one that there is by itself, several as a tuple."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def inferences_of(values: Values) -> int:
    """Return of how many inferences these are values."""
    return len(arrays_of(values)[0])


def rows_of(values: Values, chosen: Any) -> Values:
    """Return the values of some inferences.

    Args:
        values: of n inferences.
        chosen: a slice, or indices [k].
    """
    return values_of([array[chosen] for array in arrays_of(values)])


def joined(parts: Sequence[Values]) -> Values:
    """Return the values of several batches, one after another, as those of one."""
    return values_of([np.concatenate(arrays) for arrays in zip(*map(arrays_of, parts), strict=True)])


def numbers_of(values: Values, index: int) -> tuple[int | float, ...]:
    """Return all numbers of one inference, tensor after tensor."""
    return tuple(number for array in arrays_of(values) for number in array[index].tolist())


def bytes_of(values: Values, index: int) -> tuple[bytes, ...]:
    """Return the bytes of each tensor of one inference."""
    return tuple(array[index].tobytes() for array in arrays_of(values))
