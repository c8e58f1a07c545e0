"""PAD: zeros around a value."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.padding import Pad, read_pad


def read(reader: OperatorReader) -> Pad:
    """Read one padding.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(2)
    return read_pad(reader, code=None)
