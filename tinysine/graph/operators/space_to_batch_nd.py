"""SPACE_TO_BATCH_ND: an image to phases of it."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.phases import Phases, SpaceToBatch, read_phases


def read(reader: OperatorReader) -> Phases:
    """Read one step from one image to its phases.

    Raises:
        ModelError: anything about it that is not supported.
    """
    return read_phases(reader, kind=SpaceToBatch)
