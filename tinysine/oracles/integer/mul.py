"""MUL in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.operators.mul import Product
from tinysine.oracles.integer.pairs import answered, operands_of
from tinysine.quantization import Rounding, requantize_double


def run(node: Product, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes. Both references round twice."""
    first, second = (
        codes.astype(np.int64) - operand.codes.zero_point
        for codes, operand in zip(operands_of(node, sources), node.operands, strict=True)
    )
    multiplier, shift = (np.array(part) for part in node.multiplier(rounding))
    return answered(node, requantize_double(first * second, multiplier, shift))
