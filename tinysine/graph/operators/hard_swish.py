"""HARD_SWISH: x times relu6(x + 3) / 6."""

from __future__ import annotations

import numpy as np

from tinysine.fixed_point import rounding_shift, split_multiplier
from tinysine.graph.lookup import Lookup, centred, clamped, lookup, read_ends
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import IntArray

_FINER = 7  # bits that an input gains before it is scaled
_MOST_SHIFT = 15  # of an int16, beyond which the references' own shift is odd


def read(reader: OperatorReader) -> Lookup:
    """Read one activation. Both references compute in int16.

    Raises:
        ModelError: anything about it that is not supported.
    Source:
        HardSwishPrepare and reference_ops::HardSwish of TensorFlow Lite.
    """
    source, result = read_ends(reader)
    finer = np.float32(1 / 128) * np.float32(source.codes.scale)
    with np.errstate(over="ignore", under="ignore"):  # an infinite or vanishing factor is refused below
        to_result, result_shift = _int16_multiplier(finer / np.float32(result.codes.scale))
        to_gate, gate_shift = _int16_multiplier(finer / np.float32(3 / 32768))
    if not -_MOST_SHIFT <= result_shift <= 0 or not -_MOST_SHIFT <= gate_shift <= _MOST_SHIFT:
        reader.refuse(
            f"has an input of scale {source.codes.scale:g} and a result of {result.codes.scale:g}: too far apart"
        )
    fine = centred(source) << _FINER
    gate = fine
    if gate_shift > 0:
        gate = _int16(gate << (gate_shift - 1))
    gate = _high_product(gate, to_gate)
    gate = _int16(gate << 1) if gate_shift > 0 else rounding_shift(gate, -gate_shift)
    gate = (gate + (1 << 15)) >> 1  # from [-1, 1] to [0, 1]
    product = gate * _high_product(fine, to_result)
    # Towards zero: the halves that go up elsewhere are made up for.
    shifted = np.sign(product) * (np.abs(product) >> 15)
    answers = rounding_shift(shifted, -result_shift) + result.codes.zero_point
    return lookup(reader, source, result, clamped(result, answers))


def _int16_multiplier(real: np.float32) -> tuple[int, int]:
    if not real > 0 or not np.isfinite(real):
        return 0, 1 << 10
    multiplier, shift = split_multiplier(float(real))
    return min((multiplier + (1 << 15)) >> 16, 2**15 - 1), shift


def _int16(values: IntArray) -> IntArray:
    return np.clip(values, -(2**15), 2**15 - 1)


def _high_product(a: IntArray, b: int) -> IntArray:
    """Half the product's upper 16 bits, halves up; b is positive."""
    return (a * b + (1 << 14)) >> 15
