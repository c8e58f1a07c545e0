"""RELU6, where it stands alone."""

from __future__ import annotations

import numpy as np

from tinysine.graph.lookup import Lookup, codes_of, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.rectified import RELU6, rectified


def read(reader: OperatorReader) -> Lookup:
    """Read one activation. TensorFlow Lite Micro clamps the codes of the source, and does not look at the result's.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    low, high = reader.clamp(RELU6, source.codes)
    return lookup(
        reader,
        source,
        result,
        rectified(reader, source, result, RELU6),
        tflm=np.clip(codes_of(source), low, high),
    )
