"""AVERAGE_POOL_2D: the mean of each window, channel by channel."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.pooling import Pool, read_pool


def read(reader: OperatorReader) -> Pool:
    """Read one pool.

    Raises:
        ModelError: anything about it that is not supported.
    """
    return read_pool(reader)
