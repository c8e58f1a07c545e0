"""LiteRT's tables of a function of float32, and which of their answers hang on the computer's C library."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.graph import Value
from tinysine.graph.lookup import centred, clamped
from tinysine.quantization import IntArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
TIE = "has a code whose answer in LiteRT is a tie in float32 that the computer's C library decides"


def float_table(
    source: Value,
    result: Value,
    function: Callable[[Float64], Float64],
    *,
    then: Callable[[Float32], Float32] = lambda values: values,
    slack: float,
) -> IntArray | None:
    """Return the table that LiteRT fills for a function when it starts.

    Args:
        source, result: int8.
        function: for which the reference calls the C library's own in float32.
        then: what follows in float32; exact, and monotonic.
        slack: how far the exact function may move before it is rounded, in units of the last place of float32, to reach
            what any good C library makes of it.
    Returns:
        int64 [256]; None where two C libraries could differ in one of them.
    Source:
        LUTPopulateInt8 of LiteRT.
    """
    with np.errstate(over="ignore", under="ignore"):  # an infinity saturates like any large number
        real = np.float32(source.codes.scale) * centred(source).astype(np.float32)
    exact = function(real.astype(np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        place = np.nan_to_num(np.spacing(exact.astype(np.float32)).astype(np.float64))
        below, answers, above = (
            _codes(then((exact + moved * place).astype(np.float32)), result) for moved in (-slack, 0, slack)
        )
    sure = np.array_equal(below, answers) and np.array_equal(above, answers)
    return answers if sure else None


def _codes(values: Float32, result: Value) -> IntArray:
    scaled = values * (np.float32(1) / np.float32(result.codes.scale))
    whole = np.trunc(scaled)
    rounded = whole + np.where(np.abs(scaled - whole) >= 0.5, np.sign(scaled), 0)
    return clamped(result, rounded.astype(np.int64) + result.codes.zero_point)
