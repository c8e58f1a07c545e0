"""MEAN: of the codes along some axes, requantised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.fixed_point import split_multiplier
from tinysine.graph.graph import Value
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.reduction import Reduction, read_reduction
from tinysine.quantization import INT32_MAX


@dataclass(frozen=True, eq=False)
class Mean(Reduction):
    """Sums of centred codes, requantised in two roundings as both references do.

    Attributes:
        multiplier: int32, 0 or more; the number of taps is a part of it, cut off and not rounded.
        shift: power of two, from -31 to 30.
    """

    multiplier: int
    shift: int


def read(reader: OperatorReader) -> Mean:
    """Read one mean.

    Raises:
        ModelError: anything about it that is not supported.
    Source:
        QuantizedMeanOrSum of TensorFlow Lite.
    """
    source, result, axes = read_reduction(reader)
    taps = int(np.prod([source.shape[axis] for axis in axes], dtype=np.int64))
    multiplier, shift = _multiplier(reader, source, result)
    moved = min(taps.bit_length() - 1, 32, 31 + shift)
    multiplier, shift = (multiplier << moved) // taps, shift - moved
    reach = taps * max(127 - source.codes.zero_point, source.codes.zero_point + 128)
    scaled = reach << max(shift, 0)
    if scaled > INT32_MAX or (reach * multiplier) >> (31 - shift) > INT32_MAX - 256:
        reader.refuse(f"sums {taps:,} codes to up to {reach:,}: beyond int32 when scaled")
    return Mean(
        operator=reader.name,
        sources=(source,),
        result=result,
        axes=axes,
        multiplier=multiplier,
        shift=shift,
    )


def _multiplier(reader: OperatorReader, source: Value, result: Value) -> tuple[int, int]:
    real = source.codes.scale / result.codes.scale
    if not 0 < real < 2.0**30:
        reader.refuse(f"scales its sum by {real:g}; more than 0 and below 2**30 is supported")
    multiplier, shift = split_multiplier(real)
    return (multiplier, shift) if shift >= -31 else (0, 0)
