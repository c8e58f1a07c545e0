"""A .tflite file as the outside sees it: what goes in, what comes out, and which file it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinysine.quantization import Quantization


@dataclass(frozen=True)
class Tensor:
    """One of the model's inputs or outputs.

    Attributes:
        name: as in the file.
        dtype: np.int8, np.uint8, np.int16 or np.float32.
        shape: of one inference, the batch dimension included; a free dimension counts as 1.
        quantization: of the codes; None for float32, and where the file has none.
        coded_as: of a float32 tensor at an end of an int8 network: the quantisation into which (input) or out of
            which (output) the network converts it; None where there is no such conversion.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    quantization: Quantization | None
    coded_as: Quantization | None = None

    @property
    def count(self) -> int:
        """Elements per inference."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes per inference."""
        return self.count * self.dtype.itemsize


def names_of(tensors: Sequence[Tensor]) -> tuple[str, ...]:
    """Return names that tell tensors apart: their own, with the number behind where two have the same or none."""
    names = [tensor.name for tensor in tensors]
    return tuple(
        name if name and names.count(name) == 1 else f"{name} ({index})".lstrip()
        for index, name in enumerate(names)
    )


@dataclass(frozen=True, eq=False)
class Model:
    """Any .tflite file whose ends the harness can feed and compare, whatever is between them.

    Attributes:
        source: the bytes of the .tflite file.
        sha256: of those bytes, hexadecimal.
        inputs, outputs: at least one each, in the file's order.
    """

    source: bytes = field(repr=False)
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def input(self) -> Tensor:
        """The first input; the only one of most models."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output; the only one of most models."""
        return self.outputs[0]
