"""Inputs that the harness chooses: every one there is, or a seeded sample with the corners."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model, Tensor
from tinysine.quantization import Quantization
from tinysine.tensor_values import Values, values_of

_MAX_CORNERS = 64
_MOST_ELEMENTS = 1 << 27  # of eight bytes each while they are drawn
_ENUMERABLE = 2  # elements of one byte in all inputs together
# For a float32 input that the network does not quantise: about -4 to 4, as inputs usually are normalised.
_UNIT = Quantization(1 / 32, 0)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs for a model.

    Attributes:
        codes: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        exhaustive: whether these are all inputs there are.
    """

    codes: Values
    exhaustive: bool


def all_inputs(model: Model) -> Inputs:
    """Return every input of a model whose inputs are one or two 8-bit codes: 256 or 65,536.

    Raises:
        ConfigError: there are too many to enumerate.
    """
    if not _is_enumerable(model):
        inputs = " and ".join(f"{tensor.count} x {tensor.dtype}" for tensor in model.inputs)
        raise ConfigError(
            f"the inputs of this model cannot be enumerated: {inputs}", hint="sample_inputs draws some"
        )
    elements = []
    for tensor in model.inputs:
        limits = np.iinfo(tensor.dtype)
        elements += [np.arange(limits.min, limits.max + 1)] * tensor.count
    rows = np.stack(np.meshgrid(*elements, indexing="ij"), axis=-1).reshape(-1, len(elements))
    return Inputs(codes=_by_tensor(model, rows), exhaustive=True)


def is_exhaustive(model: Model, count: int) -> bool:
    """Tell whether `sample_inputs` of `count` gives every input there is.

    A model of one 8-bit input is always asked all 256; one of two, all 65,536 where at least so many are asked for.
    """
    if not _is_enumerable(model):
        return False
    return _elements(model) == 1 or count >= 65_536


def sample_inputs(model: Model, *, seed: int, count: int) -> Inputs:
    """Return seeded random inputs and the corners; all inputs where `is_exhaustive`.

    Args:
        model: whose inputs.
        seed: same seed, same inputs.
        count: how many in all, corners included; at least 1. An exhaustive answer has 256 whatever is asked.
    Raises:
        ConfigError: none, or more than memory is meant to hold at once.
    """
    if is_exhaustive(model, count):
        return all_inputs(model)
    check_count(model, count)
    rng = np.random.default_rng(seed)
    drawn = [_drawn(tensor, rng, count) for tensor in model.inputs]
    for codes, corners in zip(drawn, _corners(model.inputs), strict=True):
        codes[: len(corners)] = corners[:count]
    return Inputs(codes=values_of(drawn), exhaustive=False)


def check_count(model: Model, count: int) -> None:
    """Make sure that so many inputs can be sampled.

    Raises:
        ConfigError: none, or more than memory is meant to hold at once.
    """
    if count < 1:
        raise ConfigError(f"{count} inputs cannot be sampled", hint="ask for one or more", key="inputs")
    most = max(_MOST_ELEMENTS // _elements(model), 1)
    if count > most and not is_exhaustive(model, count):
        raise ConfigError(
            f"{count:,} inputs of {_elements(model):,} elements are more than is held in memory at once",
            hint=f"--inputs {most}, or fewer, and another --seed for others",
            key="inputs",
        )


def _is_enumerable(model: Model) -> bool:
    return _elements(model) <= _ENUMERABLE and all(tensor.dtype.itemsize == 1 for tensor in model.inputs)


def _elements(model: Model) -> int:
    return sum(tensor.count for tensor in model.inputs)


def _by_tensor(model: Model, rows: NDArray[Any]) -> Values:
    """Numbers [n, elements of all inputs], as values of each input."""
    ends = np.cumsum([tensor.count for tensor in model.inputs])[:-1]
    parts = np.split(rows, ends, axis=1)
    return values_of([part.astype(end.dtype) for part, end in zip(parts, model.inputs, strict=True)])


def _drawn(tensor: Tensor, rng: np.random.Generator, count: int) -> NDArray[Any]:
    shape = (count, tensor.count)
    if tensor.dtype == np.float32:
        # A little beyond the range on either side, on codes, on the ties between them, and anywhere.
        q = _codes_of(tensor)
        steps = rng.integers(-140, 141, shape) - q.zero_point + rng.choice([0.0, 0.5, 0.25], shape)
        noise = rng.normal(size=shape) * q.scale * rng.integers(0, 2, shape)
        real: NDArray[Any] = (steps * q.scale + noise).astype(np.float32)
        return real
    limits = np.iinfo(tensor.dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(tensor.dtype)


def _corners(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Return all-lowest, all-zero-point, all-highest, as an array for each input.

    Of a few elements every mixture of these, of a few inputs every mixture of inputs.
    """
    corners = [_extremes(tensor) for tensor in tensors]
    if 3 ** sum(tensor.count for tensor in tensors) <= _MAX_CORNERS:
        each = [
            np.array(list(itertools.product(e, repeat=t.count)))
            for e, t in zip(corners, tensors, strict=True)
        ]
    else:
        each = [np.array([(value,) * t.count for value in e]) for e, t in zip(corners, tensors, strict=True)]
    numbers = [range(len(rows)) for rows in each]
    lengths = np.prod([len(rows) for rows in each])
    mixed = np.array(
        list(itertools.product(*numbers)) if lengths <= _MAX_CORNERS else list(zip(*numbers, strict=True))
    )
    return [
        rows[mixed[:, at]].astype(t.dtype) for at, (rows, t) in enumerate(zip(each, tensors, strict=True))
    ]


def _extremes(tensor: Tensor) -> list[float]:
    if tensor.dtype == np.float32:
        q = _codes_of(tensor)
        return [(v - q.zero_point) * q.scale for v in (-128, q.zero_point, 127)]
    limits, quantization = np.iinfo(tensor.dtype), tensor.quantization
    return [limits.min, quantization.zero_point if quantization else 0, limits.max]


def _codes_of(tensor: Tensor) -> Quantization:
    """Return the quantisation of the codes that a float32 input becomes, or a stand-in of usual reach."""
    return tensor.coded_as or _UNIT
