"""Interface of an oracle, and the inputs that it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError, ModelError, TinysineError
from tinysine.model import Model, Tensor
from tinysine.quantization import Rounding
from tinysine.tensor_values import Values, arrays_of

TFLM_FLOAT32 = Rounding.TFLM_FLOAT32.value  # nobody but our own integers computes it on this computer
_NAMES = {
    Rounding.LITERT: ("litert", "integer-single"),
    Rounding.TFLM: ("tflm", "integer-double"),
    Rounding.TFLM_FLOAT32: (TFLM_FLOAT32, TFLM_FLOAT32),
}
# float32 inputs beyond this many scales saturate whatever the zero point is.
_SATURATED = 1024


class Oracle(Protocol):
    """Somebody who knows what the answer should be.

    Attributes:
        name: "litert", "tflm", "integer-single", "integer-double", "tflm-float32" or "litert-xnnpack".
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

    def run(self, inputs: Values) -> Values:
        """Answer a batch.

        Args:
            inputs: [n, input.count] in the model's input dtype, a tuple of these for several inputs; float32 must be
                finite.
        Returns:
            [n, output.count] in the model's output dtype; a tuple of these for several outputs.
        Raises:
            ConfigError: another shape or dtype, or a float that is not finite.
            ModelError: the interpreter fails on the model, or answers in another shape than the file has.
        """


@contextlib.contextmanager
def failures_told(interpreter: str, does: str = "fails on") -> Iterator[None]:
    """Turn whatever an interpreter raises, in C++ or in its Python, into the error for the model's user.

    Args:
        interpreter: its name and version.
        does: what it does to the model.
    Raises:
        ModelError: it raised anything but an error of ours.
    """
    try:
        yield
    except TinysineError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{interpreter} {does} the model: {reason}", operator=None, tensor=None) from error


def matching_oracle_name(rounding: Rounding) -> str:
    """Return the name of the reference that firmware of this rounding must equal, where it is installed."""
    return _NAMES[rounding][0]


def integer_oracle_name(rounding: Rounding) -> str:
    """Return the name of the integer arithmetic that provably equals that reference."""
    return _NAMES[rounding][1]


def rounding_of(oracle: str) -> Rounding | None:
    """Return the rounding that an oracle of this name uses; None where it is none of them."""
    return next((rounding for rounding, names in _NAMES.items() if oracle in names), None)


def checked_inputs(model: Model, inputs: Values) -> tuple[NDArray[Any], ...]:
    """Return the batch as an oracle takes it: a contiguous array for each input of the model.

    Floats so far out that the references' own conversion to int32 is undefined are brought to where they
    saturate just the same.

    Args:
        model: whose inputs.
        inputs: as `Oracle.run` takes them.
    Returns:
        The same shapes and dtypes.
    Raises:
        ConfigError: number of inputs or inferences, shape, dtype, or a float that is not finite.
    """
    arrays = arrays_of(inputs)
    if len(arrays) != len(model.inputs):
        raise ConfigError(f"the model takes {len(model.inputs)} inputs, not {len(arrays)}")
    if len({len(array) for array in arrays}) > 1:
        raise ConfigError(f"the inputs are of {[len(array) for array in arrays]} inferences")
    return tuple(_checked(tensor, array) for tensor, array in zip(model.inputs, arrays, strict=True))


def _checked(tensor: Tensor, inputs: NDArray[Any]) -> NDArray[Any]:
    if inputs.ndim != 2 or inputs.shape[1] != tensor.count or inputs.dtype != tensor.dtype:
        raise ConfigError(
            f"the model takes {tensor.dtype} [n, {tensor.count}], not {inputs.dtype} {list(inputs.shape)}"
        )
    if inputs.dtype == np.float32:
        if not np.isfinite(inputs).all():
            row, column = np.argwhere(~np.isfinite(inputs))[0]
            raise ConfigError(f"input {row}, element {column} is {inputs[row, column]}, not a finite number")
        with np.errstate(over="ignore"):
            if codes := tensor.coded_as:
                reach = np.float32(_SATURATED) * np.float32(codes.scale)
                inputs = np.clip(inputs, -reach, reach)
    return np.ascontiguousarray(inputs)
