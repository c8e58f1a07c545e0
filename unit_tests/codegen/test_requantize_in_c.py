"""The engine's three ways to requantise, alone: on both sides of every step, where networks rarely come."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.quantization import INTERPRETED, requantize

HERE = Path(__file__).parent
MULTIPLIERS = (2**30, 2**30 + 1, 2**31 - 1, 1_148_045_019, 2_077_620_976, 1_583_291_137)
# Of each way: the bits that an accumulator may have, the least right shift and the greatest one that is tried, and what
# is taken from it to get the shift that the C takes. By rounding, in the order of Rounding.
WAYS = {
    "in_64_bits": (31, (1, 1), 62, (0, 0)),
    "in_32_bits": (30, (33, 32), 55, (33, 32)),
    "in_parts": (19, (23, 32), 48, (23, 32)),
}


@pytest.fixture(scope="module", params=INTERPRETED)
def rounded(request: pytest.FixtureRequest, engine_library: Callable[..., ctypes.CDLL]) -> Any:
    """(the rounding, the library compiled for it)."""
    define = f"-DTS_ENGINE_REFERENCE=TS_REFERENCE_{str(request.param).upper()}"
    return request.param, engine_library(HERE / "requantize.c", define)


def accumulators(multiplier: int, right_shift: int, bits: int) -> Any:
    """Those next to a step from one code to the next, of either rounding; corners; random ones."""
    rng = np.random.default_rng([multiplier, right_shift])
    # The generator proves that no code overflows int32; those beyond 16 bits are clamped anyway.
    limit = min(
        2**bits - 1, 2**31 * 2**right_shift // multiplier - 1, (2**right_shift // multiplier + 1) * 2**15
    )
    steps = [
        ((2 * int(code) - 1) * 2 ** (right_shift - 1) + offset) // multiplier
        for code in (*range(-64, 65), *rng.integers(-(2**15), 2**15, 64))
        for offset in (0, -(2**30), 2**30)
    ]
    near = np.add.outer(np.array(steps, dtype=object), range(-2, 3)).ravel()
    spread = rng.integers(-limit, limit + 1, 4096)
    return np.array(
        [acc for acc in (*near, *spread.tolist(), 0, 1, -1, limit, -limit) if abs(acc) <= limit], np.int32
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("multiplier", MULTIPLIERS)
def test_each_way_is_exact_on_both_sides_of_each_step(rounded: Any, way: str, multiplier: int) -> None:
    """Equal to the oracle's arithmetic for every shift that the generator may choose."""
    rounding, library = rounded
    bits, least, greatest, taken = WAYS[way]
    place = INTERPRETED.index(rounding)
    for right_shift in range(least[place], greatest + 1):
        acc = accumulators(multiplier, right_shift, bits)
        out = np.empty_like(acc)
        getattr(library, way)(
            *(each.ctypes.data_as(ctypes.c_void_p) for each in (acc, out)),
            *(len(acc), ctypes.c_int32(multiplier), right_shift - taken[place]),
        )
        expected = requantize(
            acc.astype(np.int64)[:, None], np.array([multiplier]), np.array([31 - right_shift]), rounding
        )[:, 0]
        wrong = np.flatnonzero(out != expected)
        assert not wrong.size, (
            f"{way}, {rounding}: {acc[wrong[0]]} by {multiplier}, shifted by {right_shift}: "
            f"{out[wrong[0]]}, not {expected[wrong[0]]}"
        )
