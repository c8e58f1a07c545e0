"""Inputs that the harness chooses: every one there is, or a seeded sample with the corners."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model, Tensor
from tinysine.quantization import Quantization

_MAX_CORNERS = 64
# For a float32 input that the network does not quantise: about -4 to 4, as inputs usually are normalised.
_UNIT = Quantization(1 / 32, 0)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What to ask.

    Attributes:
        codes: [n, input.count] in the model's input dtype.
        exhaustive: whether these are all inputs there are.
    """

    codes: NDArray[Any]
    exhaustive: bool


def all_inputs(model: Model) -> Inputs:
    """Return every input of a model whose input is one or two 8-bit codes: 256 or 65,536.

    Raises:
        ConfigError: there are too many to enumerate.
    """
    if model.input.count > 2 or model.input.dtype.itemsize != 1:
        raise ConfigError(
            f"the inputs of this model cannot be enumerated: {model.input.count} x {model.input.dtype}",
            hint="sample_inputs draws some",
        )
    limits = np.iinfo(model.input.dtype)
    one = np.arange(limits.min, limits.max + 1).astype(model.input.dtype)
    codes = np.stack(np.meshgrid(*[one] * model.input.count, indexing="ij"), axis=-1)
    return Inputs(codes=codes.reshape(-1, model.input.count), exhaustive=True)


def is_exhaustive(model: Model, count: int) -> bool:
    """Tell whether `sample_inputs` of `count` gives every input there is.

    A model of one 8-bit input is always asked all 256; one of two, all 65,536 where at least so many are asked for.
    """
    if model.input.dtype.itemsize != 1:
        return False
    return model.input.count == 1 or (model.input.count == 2 and count >= 65_536)


def sample_inputs(model: Model, *, seed: int, count: int) -> Inputs:
    """Return seeded random inputs and the corners; all inputs where `is_exhaustive`.

    Args:
        model: whose inputs.
        seed: same seed, same inputs.
        count: how many in all, corners included; at least 1. An exhaustive answer has 256 whatever is asked.
    """
    if count < 1:
        raise ConfigError(f"{count} inputs cannot be sampled", hint="ask for one or more")
    if is_exhaustive(model, count):
        return all_inputs(model)
    rng = np.random.default_rng(seed)
    shape = (count, model.input.count)
    codes: NDArray[Any]
    if model.input.dtype == np.float32:
        # A little beyond the range on either side, on codes, on the ties between them, and anywhere.
        q = _codes_of(model.input)
        steps = rng.integers(-140, 141, shape) - q.zero_point + rng.choice([0.0, 0.5, 0.25], shape)
        codes = (steps * q.scale + rng.normal(size=shape) * q.scale * rng.integers(0, 2, shape)).astype(
            np.float32
        )
    else:
        limits = np.iinfo(model.input.dtype)
        codes = rng.integers(limits.min, limits.max + 1, shape).astype(model.input.dtype)
    corners = _corners(model)[:count]
    codes[: len(corners)] = corners
    return Inputs(codes=codes, exhaustive=False)


def _corners(model: Model) -> NDArray[Any]:
    """Return all-lowest, all-zero-point, all-highest, and for a few inputs every mixture of these."""
    values: list[float]
    if model.input.dtype == np.float32:
        q = _codes_of(model.input)
        values = [(v - q.zero_point) * q.scale for v in (-128, q.zero_point, 127)]
    else:
        limits, quantization = np.iinfo(model.input.dtype), model.input.quantization
        values = [limits.min, quantization.zero_point if quantization else 0, limits.max]
    count = model.input.count
    rows: list[tuple[float, ...]] = [(value,) * count for value in values]
    if 3**count <= _MAX_CORNERS:
        rows = list(itertools.product(values, repeat=count))
    return np.array(rows).astype(model.input.dtype)


def _codes_of(tensor: Tensor) -> Quantization:
    """Return the quantisation of the codes that a float32 input becomes, or a stand-in of usual reach."""
    return tensor.coded_as or _UNIT
