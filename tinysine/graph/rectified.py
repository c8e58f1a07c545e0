"""Parts that RELU, RELU6 and RELU_N1_TO_1 share as operators of their own: rescaled codes within limits."""

from __future__ import annotations

import numpy as np

from tinysine.graph.graph import Value
from tinysine.graph.lookup import centred, float32_ratio, rescaled
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import IntArray

RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3  # in the schema's ActivationFunctionType


def rectified(reader: OperatorReader, source: Value, result: Value, fused: int) -> IntArray:
    """Return the answers of an activation that stands alone.

    Args:
        reader: to refuse with.
        source, result: int8.
        fused: number of the activation, as if it were fused.
    Raises:
        ModelError: scales with which the references are undefined.
    Source:
        QuantizedReluX of LiteRT.
    """
    low, high = reader.clamp(fused, result.codes)
    codes = rescaled(reader, centred(source), float32_ratio(source, result)) + result.codes.zero_point
    return np.clip(codes, low, high)
