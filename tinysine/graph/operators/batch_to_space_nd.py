"""BATCH_TO_SPACE_ND: phases to the image that they are of."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.phases import BatchToSpace, Phases, read_phases


def read(reader: OperatorReader) -> Phases:
    """Read one step from phases to one image.

    Raises:
        ModelError: anything about it that is not supported.
    """
    return read_phases(reader, kind=BatchToSpace)
