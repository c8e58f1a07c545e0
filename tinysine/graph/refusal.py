"""Refusals of networks that the generated engine does not support."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from tinysine.tflite import refusal
from tinysine.tflite.tflite_file import RawOperator, RawTensor

SUPPORTED = (
    "another engine is judged by `tinysine verify MODEL --engine DIR`, other firmware by "
    "`tinysine verify MODEL --firmware foreign --port PORT`; docs/engine.md lists the operators of ours"
)

END_AT_LOGITS = "end the model at the logits (argmax is the same)"


def refuse(
    file: str,
    problem: str,
    operator: RawOperator | None,
    tensor: RawTensor,
    *,
    hint: str = SUPPORTED,
    shapes: tuple[tuple[int, ...], ...] | None = None,
) -> NoReturn:
    """Raise the ModelError for a fault at one operator and tensor; `shapes` defaults to the tensor's own."""
    refusal.refuse(file, problem, operator, tensor, hint=hint, shapes=shapes)


def refuse_operator(refuse_at: Callable[[str], NoReturn], name: str) -> NoReturn:
    """Refuse an operator that the generated engine does not know."""
    refuse_at(f"{name} is not supported")
