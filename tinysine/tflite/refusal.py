"""Refusals of the reader: one line with the file, the operator, the tensor, and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from tinysine.errors import ModelError
from tinysine.tflite.tflite_file import RawOperator, RawTensor

QUANTISE = (
    "`tinysine convert FILE --representative INPUTS.npy` makes an int8 model of the Keras file or SavedModel "
    "that it came from"
)

CONVERT_AGAIN = "no converter writes this: copy the file itself again, or convert the model again"


def listed(names: Iterable[str], *, most: int) -> str:
    """Return the first `most` names, separated by commas, and dots for the others."""
    several = list(names)
    return ", ".join(several[:most]) + (", ..." if len(several) > most else "")


def refuse_file(file: str, problem: str, *, hint: str = "", **facts: object) -> NoReturn:
    """Raise the ModelError for a fault of the whole file."""
    raise ModelError(f"{file} {problem}", hint=hint, file=file, **facts)


def refuse(
    file: str,
    problem: str,
    operator: RawOperator | None,
    tensor: RawTensor,
    *,
    hint: str = "",
    shapes: tuple[tuple[int, ...], ...] | None = None,
) -> NoReturn:
    """Raise the ModelError for a fault at one operator and tensor; `shapes` defaults to the tensor's own."""
    name = operator.name if operator else None
    raise ModelError(
        f"{file}: {f'operator {name}, ' if name else ''}tensor {tensor.name[:80]!r} "
        f"({tensor.type_name}, shape {list(tensor.shape)}): {problem}",
        hint=hint,
        file=file,
        operator=name,
        tensor=tensor.name,
        shapes=(tensor.shape,) if shapes is None else shapes,
    )
