"""RELU, where it stands alone."""

from __future__ import annotations

from tinysine.graph.lookup import Lookup, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.rectified import RELU, rectified


def read(reader: OperatorReader) -> Lookup:
    """Read one activation.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    return lookup(reader, source, result, rectified(reader, source, result, RELU))
