"""RELU_N1_TO_1, where it stands alone."""

from __future__ import annotations

from tinysine.graph.lookup import Lookup, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.rectified import RELU_N1_TO_1, rectified


def read(reader: OperatorReader) -> Lookup:
    """Read one activation.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    answers = rectified(reader, source, result, RELU_N1_TO_1)
    return lookup(
        reader, source, result, answers, problem="is an operator that TensorFlow Lite Micro has not"
    )
