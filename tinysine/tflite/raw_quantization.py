"""Scales and zero points of a file's tensors, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.refusal import CONVERT_AGAIN, QUANTISE, refuse

_CODES: dict[int, type[np.integer[Any]]] = {raw.UINT8: np.uint8, raw.INT16: np.int16, raw.INT8: np.int8}


def read_quantization(
    file: str, tensor: raw.RawTensor, operator: raw.RawOperator | None = None
) -> Quantization:
    """Return the one scale and zero point of an int8, uint8 or int16 activation.

    Raises:
        ModelError: none, several, or impossible ones.
    """
    q = _present(file, tensor, operator)
    if q.scales.size != 1:
        problem = f"has {q.scales.size} scales; activations have one"
        refuse(file, problem, operator, tensor, hint=CONVERT_AGAIN)
    _check_values(file, q, tensor, operator)
    limits = np.iinfo(_CODES[tensor.type])
    zero_point = int(q.zero_points[0])
    if not limits.min <= zero_point <= limits.max:
        problem = f"has zero point {zero_point}, outside {tensor.type_name}"
        refuse(file, problem, operator, tensor, hint=CONVERT_AGAIN)
    return Quantization(scale=float(q.scales[0]), zero_point=zero_point)


def read_weight_scales(
    file: str, tensor: raw.RawTensor, operator: raw.RawOperator, outputs: int, *, dimension: int = 0
) -> tuple[NDArray[Any], bool]:
    """Return the scales of int8 weights.

    Args:
        outputs: how many there are.
        dimension: of the weights, along which the outputs are.
    Returns:
        (float64 [outputs], whether the file has one scale per output).
    Raises:
        ModelError: no scales, another number, along another dimension, or a zero point other than 0.
    """
    q = _present(file, tensor, operator)
    per_channel = q.scales.size > 1
    if per_channel and (q.scales.size != outputs or q.dimension != dimension):
        refuse(
            file,
            f"has {q.scales.size} scales along dimension {q.dimension}; "
            f"one, or {outputs} along dimension {dimension}, are supported",
            operator,
            tensor,
            hint=QUANTISE,
            shapes=(tensor.shape, (q.scales.size,)),
        )
    _check_values(file, q, tensor, operator)
    if q.zero_points.any():
        problem = "has a zero point other than 0, which int8 weights must have"
        refuse(file, problem, operator, tensor, hint=QUANTISE)
    return np.broadcast_to(q.scales.astype(np.float64), (outputs,)).copy(), per_channel


def _present(file: str, tensor: raw.RawTensor, operator: raw.RawOperator | None) -> raw.RawQuantization:
    q = tensor.quantization
    if q is None:
        refuse(file, "has no scale", operator, tensor, hint=QUANTISE)
    if q.details:
        refuse(file, "has a custom quantisation, which is not supported", operator, tensor, hint=QUANTISE)
    if q.zero_points.size != q.scales.size:
        problem = f"has {q.scales.size} scales but {q.zero_points.size} zero points"
        refuse(file, problem, operator, tensor, hint=CONVERT_AGAIN)
    return q


def _check_values(
    file: str, q: raw.RawQuantization, tensor: raw.RawTensor, operator: raw.RawOperator | None
) -> None:
    """Look at every scale: only when there are as many as can be, for tensors may share a list of millions."""
    sound = np.isfinite(q.scales) & (q.scales > 0)
    if not sound.all():
        bad = float(q.scales[~sound][0])
        problem = f"has the scale {bad}; a scale is finite and above 0"
        refuse(file, problem, operator, tensor, hint=CONVERT_AGAIN)
