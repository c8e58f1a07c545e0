"""Operators on two operands, element by element: what ADD, SUB and MUL share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.graph import Node, Value
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw

MAX_RANK = 4  # of a broadcast, as TensorFlow Lite Micro has it


@dataclass(frozen=True, eq=False)
class Operand:
    """One of the two.

    Attributes:
        shape: before it is broadcast.
        codes: its quantisation.
        constant: int8 of this shape; None where it is computed.
    """

    shape: tuple[int, ...]
    codes: Quantization
    constant: NDArray[np.int8] | None


@dataclass(frozen=True, eq=False)
class Pair(Node):
    """An operator on two operands; `sources` has those that are computed, in their order.

    Attributes:
        operands: both.
        clamp_min, clamp_max: int8 codes, from the fused activation.
    """

    operands: tuple[Operand, Operand]
    clamp_min: int
    clamp_max: int

    @property
    def scales(self) -> tuple[float, float, float]:
        """Of both operands and of the result."""
        one, other = self.operands
        return one.codes.scale, other.codes.scale, self.result.codes.scale


@dataclass(frozen=True, eq=False)
class ReadPair:
    """Facts of an operator with two operands, as `read_pair` found them."""

    sources: tuple[Value, ...]
    result: Value
    operands: tuple[Operand, Operand]
    clamp: tuple[int, int]


def read_pair(reader: OperatorReader, *, options: int, commutative: bool) -> ReadPair:
    """Read the operands, the result and the fused activation.

    Args:
        reader: of the operator.
        options: number of its table of options in the schema.
        commutative: the operands may change places. The first is then the one that is as large as the result, so that
            the result can take its place in memory.
    Raises:
        ModelError: two constants, dtypes other than int8, or shapes that do not go together.
    """
    reader.demand_inputs(2)
    found: list[tuple[Operand, Value | None]] = [_operand(reader, position) for position in (0, 1)]
    if all(source is None for _, source in found):
        reader.refuse("has two constants; one operand at least must be computed")
    shapes = [operand.shape for operand, _ in found]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        reader.refuse(
            f"has operands of shapes {list(shapes[0])} and {list(shapes[1])}, which do not go together"
        )
    if shapes[0] != shapes[1] and len(shape) > MAX_RANK:
        reader.refuse(f"broadcasts to {len(shape)} dimensions; up to {MAX_RANK} are supported")
    result = reader.result(shape=shape)
    if commutative and (found[0][1] is None or (shapes[0] != shape and found[1][1] is not None)):
        found.reverse()
    return ReadPair(
        sources=tuple(source for _, source in found if source is not None),
        result=result,
        operands=(found[0][0], found[1][0]),
        clamp=reader.clamp(reader.option(0, "b", kind=options), result.codes),
    )


def _operand(reader: OperatorReader, position: int) -> tuple[Operand, Value | None]:
    if reader.is_constant(position) and reader.tensor(position).constant is not None:
        data = reader.constant(position, raw.INT8)
        return Operand(data.shape, reader.constant_quantization(position), data), None
    source = reader.source(position)
    return Operand(source.shape, source.codes, None), source
