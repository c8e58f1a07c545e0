"""What an oracle is, and the inputs that oracles are asked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model
from tinysine.quantization import Rounding

_NAMES = {Rounding.LITERT: ("litert", "integer-single"), Rounding.TFLM: ("tflm", "integer-double")}
_MAX_CORNERS = 64
# float32 inputs beyond this many scales saturate whatever the zero point is.
_SATURATED = 1024


class Oracle(Protocol):
    """Somebody who knows what the answer should be.

    Attributes:
        name: "litert", "tflm", "integer-single", "integer-double" or "litert-xnnpack".
        version: of the implementation behind it.
        detail: what else a report should say: resolver, arena use. A figure that is not known is absent.
    """

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """The version of what is behind it."""

    @property
    def detail(self) -> dict[str, object]:
        """More facts, JSON-ready."""

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Answer a batch.

        Args:
            inputs: [n, input.count] in the model's input dtype; float32 must be finite.
        Returns:
            [n, output.count] in the model's output dtype.
        Raises:
            ConfigError: another shape or dtype, or a float that is not finite.
        """


@dataclass(frozen=True, eq=False)
class Inputs:
    """What to ask.

    Attributes:
        codes: [n, input.count] in the model's input dtype.
        exhaustive: whether these are all inputs there are.
    """

    codes: NDArray[Any]
    exhaustive: bool


def matching_oracle_name(rounding: Rounding) -> str:
    """Return the name of the reference that firmware of this rounding must equal."""
    return _NAMES[rounding][0]


def integer_oracle_name(rounding: Rounding) -> str:
    """Return the name of the integer arithmetic that provably equals that reference."""
    return _NAMES[rounding][1]


def rounding_of(oracle: str) -> Rounding | None:
    """Return the rounding that an oracle of this name uses; None where it is neither."""
    return next((rounding for rounding, names in _NAMES.items() if oracle in names), None)


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
        q = model.layers[0].input
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


def checked_inputs(model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return the batch as an oracle takes it, contiguous.

    Floats so far out that the references' own conversion to int32 is undefined are brought to where they
    saturate just the same.

    Args:
        model: whose inputs.
        inputs: [n, input.count] in the model's input dtype.
    Returns:
        The same shape and dtype.
    Raises:
        ConfigError: shape, dtype, or a float that is not finite.
    """
    if inputs.ndim != 2 or inputs.shape[1] != model.input.count or inputs.dtype != model.input.dtype:
        raise ConfigError(
            f"the model takes {model.input.dtype} [n, {model.input.count}], "
            f"not {inputs.dtype} {list(inputs.shape)}"
        )
    if inputs.dtype == np.float32:
        if not np.isfinite(inputs).all():
            row, column = np.argwhere(~np.isfinite(inputs))[0]
            raise ConfigError(f"input {row}, element {column} is {inputs[row, column]}, not a finite number")
        with np.errstate(over="ignore"):
            reach = np.float32(_SATURATED) * np.float32(model.layers[0].input.scale)
        inputs = np.clip(inputs, -reach, reach)
    return np.ascontiguousarray(inputs)


def _corners(model: Model) -> NDArray[Any]:
    """Return all-lowest, all-zero-point, all-highest, and for a few inputs every mixture of these."""
    values: list[float]
    if model.input.dtype == np.float32:
        q = model.layers[0].input
        values = [(v - q.zero_point) * q.scale for v in (-128, q.zero_point, 127)]
    else:
        limits, quantization = np.iinfo(model.input.dtype), model.input.quantization
        values = [limits.min, quantization.zero_point if quantization else 0, limits.max]
    count = model.input.count
    rows: list[tuple[float, ...]] = [(value,) * count for value in values]
    if 3**count <= _MAX_CORNERS:
        rows = list(itertools.product(values, repeat=count))
    return np.array(rows).astype(model.input.dtype)
