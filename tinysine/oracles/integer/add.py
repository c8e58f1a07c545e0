"""ADD and SUB in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.sums import Sum
from tinysine.oracles.integer.pairs import answered, operands_of
from tinysine.quantization import Rounding, requantize_double


def run(node: Sum, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes. Both references round twice."""
    first, second = operands_of(node, sources)
    total = node.scaled(0, first, rounding) + node.scaled(1, second, rounding)
    multiplier, shift = (part[2] for part in node.multipliers(rounding))
    return answered(node, requantize_double(total, multiplier, shift))
