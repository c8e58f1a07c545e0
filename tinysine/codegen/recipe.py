"""The short requantisation: which way in firmware/engine/rows.h is exact for a row, proved by its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinysine.graph import FullyConnected, accumulator_bounds
from tinysine.quantization import INT32_MAX, Rounding

SPLIT_ACCUMULATOR_BITS = 20
MAX_SHIFT = 31  # of an instruction that shifts and saturates at once


@dataclass(frozen=True)
class Recipe:
    """Requantisation of one row.

    Attributes:
        scale: the macro of rows.h that multiplies and rounds.
        clamp: the macro that shifts and saturates.
        multiplier: Q31 mantissa.
        term: added before the shift: the rounding and the stored offset.
        shift: of the clamp, in [1, 31].
        doubled: whether weights and bias are doubled in the stream.
        limit_low, limit_high: what the saturated code must still be limited to; None where it is already.
    """

    scale: Literal["TS_SINGLE", "TS_DOUBLE", "TS_DOUBLE_SIGNED"]
    clamp: Literal["TS_USAT", "TS_SSAT"]
    multiplier: int
    term: int
    shift: int
    doubled: bool
    limit_low: int | None
    limit_high: int | None


def find_recipe(
    layer: FullyConnected, channel: int, bounds: tuple[int, int], *, rounding: Rounding, last: bool
) -> Recipe | None:
    """The short requantisation of one row, or None when none is proved exact.

    Args:
        layer: the layer.
        channel: which output.
        bounds: least and greatest accumulator.
        rounding: which reference it must equal.
        last: whether its codes leave as int8; else they are stored from 0, less the lower clamp.
    """
    multiplier, shift = int(layer.multiplier[channel]), int(layer.shift[channel])
    lowest, highest = bounds
    offset = layer.output.zero_point - (0 if last else layer.clamp_min)
    single = rounding is Rounding.LITERT
    # Single: the product's upper word is to be shifted by 31 - shift - 32 more. Double: by -shift.
    right = -shift - 1 if single else -shift
    if multiplier == 0 or not 1 <= right <= MAX_SHIFT:
        return None
    term = (1 << (right - 1)) + (offset << right)
    doubled = not single
    factor = 2 if doubled else 1
    reach = max(-lowest, highest, 0) * factor
    high_word = (reach * multiplier >> 32) + 2
    if reach > INT32_MAX or high_word + abs(term) > INT32_MAX:
        return None
    negatives_vanish = (not last and offset == 0) or lowest >= 0
    floor, ceiling = (-128, 127) if last else (0, 255)
    base = 0 if last else layer.clamp_min
    limit_low, limit_high = layer.clamp_min - base, layer.clamp_max - base
    return Recipe(
        scale="TS_SINGLE" if single else "TS_DOUBLE" if negatives_vanish else "TS_DOUBLE_SIGNED",
        clamp="TS_SSAT" if last else "TS_USAT",
        multiplier=multiplier,
        term=term,
        shift=right,
        doubled=doubled,
        limit_low=limit_low if limit_low > floor else None,
        limit_high=limit_high if limit_high < ceiling else None,
    )


def can_split(layer: FullyConnected, rounding: Rounding) -> bool:
    """Tell whether every row can be requantised with 32-bit products, as in firmware/engine/plain.h."""
    shifts = [split_shift(int(shift), rounding) for shift in layer.shift]
    low, high = accumulator_bounds(layer)
    limit = 1 << SPLIT_ACCUMULATOR_BITS
    return all(0 <= shift <= 30 for shift in shifts) and bool((-limit < low).all() and (high < limit).all())


def split_shift(shift: int, rounding: Rounding) -> int:
    """One less than what is left to shift by, after the 22 bits that the split product drops."""
    return (31 - shift) - 22 - 1 if rounding is Rounding.LITERT else -shift - 1
