"""The operands of ADD, SUB and MUL, ready to be broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.pairs import Pair


def operands_of(node: Pair, sources: tuple[NDArray[np.int8], ...]) -> list[NDArray[np.int8]]:
    """Return both operands, int8 [n or 1, dimensions of the result or 1]."""
    computed, rank = iter(sources), len(node.result.shape)
    found: list[NDArray[np.int8]] = []
    for operand in node.operands:
        codes = next(computed) if operand.constant is None else operand.constant[None]
        ones = (1,) * (rank - len(operand.shape))
        found.append(codes.reshape(-1, *ones, *operand.shape))
    return found


def answered(node: Pair, scaled: NDArray[np.signedinteger[Any]]) -> NDArray[np.int8]:
    """Add the zero point, clamp, and return one row an inference."""
    codes = np.clip(scaled + node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    answer: NDArray[np.int8] = codes.astype(np.int8).reshape(len(scaled), -1)
    return answer
