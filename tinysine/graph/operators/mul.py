"""MUL: the product of two operands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.pairs import Operand, Pair, read_pair
from tinysine.quantization import INT32_MAX, Rounding, quantize_multipliers

OPTIONS = 21  # MulOptions


@dataclass(frozen=True, eq=False)
class Product(Pair):
    """The product of two operands."""

    def real_multiplier(self, rounding: Rounding) -> float:
        """Return the factor of the product of two centred codes, as a reference computes it.

        Source:
            TensorFlow Lite in float32, TensorFlow Lite Micro in float64.
        """
        one, other, result = (np.float32(scale) for scale in self.scales)
        if rounding is Rounding.LITERT:
            return float(one * other / result)
        return float(one) * float(other) / float(result)

    def multiplier(self, rounding: Rounding) -> tuple[int, int]:
        """Return its mantissa and shift."""
        (multiplier,), (shift,) = quantize_multipliers(np.array([self.real_multiplier(rounding)]))
        return int(multiplier), int(shift)


def read(reader: OperatorReader) -> Product:
    """Read one product.

    Raises:
        ModelError: anything about it that is not supported, or products that leave int32.
    """
    pair = read_pair(reader, options=OPTIONS, commutative=True)
    node = Product(
        operator=reader.name,
        sources=pair.sources,
        result=pair.result,
        operands=pair.operands,
        clamp_min=pair.clamp[0],
        clamp_max=pair.clamp[1],
    )
    with np.errstate(over="ignore", under="ignore"):
        reals = [node.real_multiplier(rounding) for rounding in Rounding]
    if not all(real < 2.0**30 for real in reals):
        reader.refuse(f"scales its product by {max(reals):g}, 2**30 or more")
    # The references shift left within int32 before they multiply.
    shift = max(node.multiplier(rounding)[1] for rounding in Rounding)
    reach = _reach(node.operands[0]) * _reach(node.operands[1]) << max(shift, 0)
    if reach > INT32_MAX - 256:  # room for the zero point
        reader.refuse(f"has products that can reach {reach}, beyond int32", hint="quantise the model anew")
    return node


def _reach(operand: Operand) -> int:
    """The largest distance of a code from the zero point."""
    codes = (-128, 127) if operand.constant is None else (operand.constant.min(), operand.constant.max())
    return max(abs(int(code) - operand.codes.zero_point) for code in codes)
