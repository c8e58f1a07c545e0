"""Distance between two sets of outputs, in well-known figures; equality is judged elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinysine.quantization import Quantization, dequantize
from tinysine.record import Record, Size, fact


class Metrics(Record, kw_only=True):
    """The device's outputs against the reference's, as real values."""

    max_abs: Annotated[Size, fact("largest difference of one value", better="lower")]
    mean_abs: Annotated[Size, fact("mean absolute difference", better="lower")]
    rmse: Annotated[Size, fact("root of the mean squared difference", better="lower")]
    cosine: Annotated[
        Annotated[float, Meta(ge=-1.000001, le=1.000001)] | None,
        fact(
            "of the angle between all values of both; absent where one of them is all zero", better="higher"
        ),
    ] = None


def metrics_of(
    device: NDArray[Any], reference: NDArray[Any], quantization: Quantization | None
) -> Metrics | None:
    """Compare outputs.

    Args:
        device, reference: [n, output.count] in the model's output dtype.
        quantization: of the output; None for float32, and for codes that stand for themselves.
    Returns:
        None where nothing can be compared: other shapes, no values, or one that is not finite.
    """
    if device.shape != reference.shape or device.size == 0:
        return None
    got, due = (_real(values, quantization) for values in (device, reference))
    if not (np.isfinite(got).all() and np.isfinite(due).all()):
        return None
    difference = np.abs(got - due)
    lengths = float(np.linalg.norm(got) * np.linalg.norm(due))
    return Metrics(
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        rmse=float(np.sqrt(np.mean(difference**2))),
        cosine=float(np.vdot(got, due)) / lengths if lengths else None,
    )


def _real(values: NDArray[Any], quantization: Quantization | None) -> NDArray[np.float64]:
    codes = values if quantization is None else dequantize(values, quantization)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return codes.astype(np.float64)
