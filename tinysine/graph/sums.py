"""ADD and SUB: both operands brought to a scale in which they can be added, then the sum to that of the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.pairs import Pair, read_pair
from tinysine.quantization import IntArray, Rounding, quantize_multipliers, requantize_double

LEFT_SHIFT = 20  # of the operands, before they are scaled
_BELOW_ONE = 1 - 2.0**-32  # what a 31-bit mantissa does not round up to 1


@dataclass(frozen=True, eq=False)
class Sum(Pair):
    """The sum of two operands, or the first less the second.

    Attributes:
        sign: of the second operand, 1 or -1.
    """

    sign: int

    def real_multipliers(self, rounding: Rounding) -> tuple[float, float, float]:
        """Return the factors of both operands and of their sum, as a reference computes them.

        Source:
            TensorFlow Lite, and TensorFlow Lite Micro, whose SUB divides in float32.
        """
        scales = [np.float32(scale) for scale in self.scales]
        twice = np.float32(2) * max(scales[:2])
        parts = [*((scale, twice) for scale in scales[:2]), (twice, np.float32(1 << LEFT_SHIFT) * scales[2])]
        if rounding is not Rounding.LITERT and self.sign < 0:
            one, other, whole = (float(above / below) for above, below in parts)
        else:
            one, other, whole = (float(above) / float(below) for above, below in parts)
        return one, other, whole

    def multipliers(self, rounding: Rounding) -> tuple[IntArray, IntArray]:
        """Return mantissas and shifts int32 [3] of both operands and of their sum."""
        return quantize_multipliers(np.array(self.real_multipliers(rounding)))

    def scaled(self, position: int, codes: IntArray, rounding: Rounding) -> IntArray:
        """Return codes of an operand in the scale of the sum, with their sign there; int64 of the same shape."""
        multiplier, shift = (part[position] for part in self.multipliers(rounding))
        centred = codes.astype(np.int64) - self.operands[position].codes.zero_point
        scaled = requantize_double(centred << LEFT_SHIFT, multiplier, shift)
        return scaled * self.sign if position else scaled


def read_sum(reader: OperatorReader, *, options: int, sign: int) -> Sum:
    """Read one ADD or SUB.

    Args:
        reader: of the operator.
        options: number of its table of options in the schema.
        sign: of the second operand.
    Raises:
        ModelError: anything about it that is not supported.
    """
    pair = read_pair(reader, options=options, commutative=sign > 0)
    node = Sum(
        operator=reader.name,
        sources=pair.sources,
        result=pair.result,
        operands=pair.operands,
        clamp_min=pair.clamp[0],
        clamp_max=pair.clamp[1],
        sign=sign,
    )
    with np.errstate(over="ignore", under="ignore"):
        reals = [real for rounding in Rounding for real in node.real_multipliers(rounding)]
    # The references stop the program at such a multiplier.
    if not all(0 < real < _BELOW_ONE for real in reals):
        one, other, result = node.scales
        reader.refuse(
            f"adds codes of the scales {one:g} and {other:g} to codes of the scale {result:g}, which is too far apart",
            hint="quantise the model anew: inputs that are typical, and at least a few hundred of them",
        )
    return node
