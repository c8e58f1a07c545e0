"""What an oracle is, and what it takes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model
from tinysine.quantization import Rounding

_NAMES = {Rounding.LITERT: ("litert", "integer-single"), Rounding.TFLM: ("tflm", "integer-double")}
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


def matching_oracle_name(rounding: Rounding) -> str:
    """Return the name of the reference that firmware of this rounding must equal."""
    return _NAMES[rounding][0]


def integer_oracle_name(rounding: Rounding) -> str:
    """Return the name of the integer arithmetic that provably equals that reference."""
    return _NAMES[rounding][1]


def rounding_of(oracle: str) -> Rounding | None:
    """Return the rounding that an oracle of this name uses; None where it is neither."""
    return next((rounding for rounding, names in _NAMES.items() if oracle in names), None)


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
            if codes := model.input.coded_as:
                reach = np.float32(_SATURATED) * np.float32(codes.scale)
                inputs = np.clip(inputs, -reach, reach)
    return np.ascontiguousarray(inputs)
