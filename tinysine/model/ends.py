"""The first and the last tensors of a file, checked: whatever stands between them is not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tinysine.model.model import Tensor
from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.raw_quantization import read_quantization
from tinysine.tflite.refusal import refuse, refuse_file

DTYPES = {raw.FLOAT32: np.float32, raw.UINT8: np.uint8, raw.INT16: np.int16, raw.INT8: np.int8}
"""The dtypes that the link carries, by TensorFlow Lite's tensor type code."""

MOST_TENSORS = 16  # at each end
MOST_BYTES = 16 << 20  # of one inference, at each end: no microcontroller has as much RAM


def read_ends(tflite: raw.TfliteFile, *, file: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Read the inputs and the outputs of the open graph.

    Args:
        tflite: with its graph open.
        file: for messages.
    Raises:
        ModelError: no such tensors, too many, too large, or of a dtype that the link does not carry.
        Damaged: the bytes contradict themselves.
    """
    codes = _conversions(tflite)
    ends = []
    for what, indices in (("input", tflite.inputs()), ("output", tflite.outputs())):
        if not indices:
            refuse_file(file, f"has no {what}")
        if len(indices) > MOST_TENSORS:
            refuse_file(file, f"has {len(indices)} {what}s; up to {MOST_TENSORS} are supported")
        tensors = tuple(read_end(tflite.tensor(index), file=file, codes=codes) for index in indices)
        if (total := sum(tensor.nbytes for tensor in tensors)) > MOST_BYTES:
            refuse_file(file, f"has {what}s of {total:,} bytes; {MOST_BYTES:,} are supported")
        ends.append(tensors)
    return ends[0], ends[1]


def read_end(tensor: raw.RawTensor, *, file: str, codes: dict[int, Quantization] | None = None) -> Tensor:
    """Read one tensor at an end of the graph.

    Args:
        tensor: as in the file.
        file: for messages.
        codes: by tensor index, the quantisation of what a float32 tensor is converted into or out of.
    Raises:
        ModelError: its dtype, shape or quantisation makes no sense, or is not supported.
    """
    if tensor.type not in DTYPES:
        supported = ", ".join(raw.TENSOR_TYPES[number] for number in DTYPES)
        refuse(
            file, f"{tensor.type_name} is not supported at an end of a model; {supported} are", None, tensor
        )
    if any(n < 1 for n in tensor.shape):
        refuse(file, "has no fixed shape", None, tensor)
    quantization = None
    if tensor.type != raw.FLOAT32 and tensor.quantization is not None:
        quantization = read_quantization(file, tensor)
    return Tensor(
        tensor.name,
        np.dtype(DTYPES[tensor.type]),
        tensor.shape,
        quantization,
        (codes or {}).get(tensor.index) if tensor.type == raw.FLOAT32 else None,
    )


def _conversions(tflite: raw.TfliteFile) -> dict[int, Quantization]:
    """By index of a float32 tensor: the codes that QUANTIZE makes of it, or that DEQUANTIZE makes it of."""
    wanted = {*tflite.inputs(), *tflite.outputs()}
    found: dict[int, Quantization] = {}
    for operator in _operators(tflite):
        if len(operator.inputs) != 1 or len(operator.outputs) != 1:
            continue
        outer, inner = operator.inputs[0], operator.outputs[0]
        if operator.code == raw.DEQUANTIZE:
            outer, inner = inner, outer
        elif operator.code != raw.QUANTIZE:
            continue
        if outer in wanted and outer not in found and (codes := _one_scale(tflite.tensor(inner))):
            found[outer] = codes
    return found


def _operators(tflite: raw.TfliteFile) -> Iterator[raw.RawOperator]:
    numbers: Iterable[int] = range(min(tflite.operator_count, raw.MOST_OPERATORS))
    return (tflite.operator(number) for number in numbers)


def _one_scale(tensor: raw.RawTensor) -> Quantization | None:
    q = tensor.quantization
    if tensor.type != raw.INT8 or q is None or q.scales.size != 1 or q.zero_points.size != 1:
        return None
    scale = float(q.scales[0])
    return Quantization(scale, int(q.zero_points[0])) if np.isfinite(scale) and scale > 0 else None
