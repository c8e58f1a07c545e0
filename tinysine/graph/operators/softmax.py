"""SOFTMAX: the last axis as shares of one whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.fixed_point import exp_of_negative, high_product, split_multiplier
from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.refusal import END_AT_LOGITS
from tinysine.quantization import Quantization

OPTIONS = 9  # SoftmaxOptions
SHARES = Quantization(1 / 256, -128)  # of the result: both references demand it
SUM_BITS = 12  # integer bits of the sum of exponentials
MOST_WIDTH = 511  # both references abort where that sum reaches 512, as that of a flat row does
_DIFFERENCE_BITS = 5  # integer bits of a scaled difference


@dataclass(frozen=True, eq=False)
class Softmax(Node):
    """Each row of the last axis by itself.

    Attributes:
        exps: int32 [256], by how far a code is below the greatest of its row: exp of the difference, without integer
            bits as in tinysine.fixed_point, and 0 where the references count nothing. Read-only.
        rows: how many there are in one inference.
        width: elements of one row.
    """

    exps: NDArray[np.int32]
    rows: int
    width: int


def read(reader: OperatorReader) -> Softmax:
    """Read one softmax.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(1)
    source = reader.source(0)
    if not source.shape:
        reader.refuse("has an input without dimensions; it is taken along the last one")
    width = source.shape[-1]
    if width > MOST_WIDTH:
        reader.refuse(
            f"is taken over {width:,} elements; beyond {MOST_WIDTH} both references abort on a flat row",
            hint=END_AT_LOGITS,
        )
    result = reader.result(shape=source.shape)
    if result.quantization != SHARES:
        reader.refuse(
            f"has the scale {result.codes.scale:g} and the zero point {result.codes.zero_point}; "
            "the references demand 1/256 and -128"
        )
    beta = reader.real_option(0, kind=OPTIONS)
    exps = exps_of(source.codes.scale, beta)
    if exps is None:
        reader.refuse(
            f"has beta {beta:g} and an input of scale {source.codes.scale:g}: both references refuse it"
        )
    return Softmax(
        operator=reader.name,
        sources=(source,),
        result=result,
        exps=exps,
        rows=source.count // width,
        width=width,
    )


def exps_of(scale: float, beta: float) -> NDArray[np.int32] | None:
    """Return the exponentials of all differences, as Softmax.exps has them.

    Args:
        scale: of the input.
        beta: factor of the input.
    Returns:
        None where a difference of one code vanishes or is no number: the references stop there.
    Source:
        PreprocessSoftmaxScaling, CalculateInputRadius and reference_ops::Softmax of TensorFlow Lite.
    """
    real = min(beta * scale * 2.0 ** (31 - _DIFFERENCE_BITS), 2.0**31 - 1)
    if not real > 1:
        return None
    multiplier, shift = split_multiplier(real)
    radius = ((1 << _DIFFERENCE_BITS) - 1) << (31 - _DIFFERENCE_BITS) >> shift
    differences = np.arange(256)
    scaled = high_product(-np.minimum(differences, radius) << shift, multiplier)
    counted = np.where(differences <= radius, exp_of_negative(scaled, _DIFFERENCE_BITS), 0)
    exps = counted.astype(np.int32)
    exps.flags.writeable = False
    return exps
