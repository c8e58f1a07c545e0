"""The engine's reductions alone, over six dimensions: the references' interpreters take fewer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinysine.quantization import requantize_double

HERE = Path(__file__).parent
SHAPE = (2, 3, 4, 2, 3, 5)


@pytest.fixture(scope="module")
def library(engine_library: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    """The reductions, compiled."""
    return engine_library(HERE / "reduce.c", "-DTS_ENGINE_REFERENCE=TS_REFERENCE_TFLM")


@pytest.mark.parametrize("axes", [(0, 2, 4), (1, 3, 5)])
def test_reductions_with_three_loops_each(library: ctypes.CDLL, axes: tuple[int, ...]) -> None:
    """No two neighbours are of one kind: three loops over what is kept, and three over what is reduced."""
    codes = np.random.default_rng(5).integers(-128, 128, SHAPE).astype(np.int8)
    steps = [codes.strides[axis] for axis in range(6)]
    kept = [axis for axis in range(6) if axis not in axes]
    layer = np.array([(SHAPE[axis], steps[axis]) for axis in (*kept, *axes)], np.uint32)
    start, multiplier, shift, zero_point = 1234, 0x55555556, -5, -7
    scale = np.array([start, multiplier, 31 - shift, zero_point], np.int32)
    out = np.empty([SHAPE[axis] for axis in kept], np.int8)
    layer_at, codes_at, out_at, scale_at = (
        each.ctypes.data_as(ctypes.c_void_p) for each in (layer, codes, out, scale)
    )
    library.mean(layer_at, codes_at, out_at, scale_at)
    sums = codes.astype(np.int64).sum(axes) + start
    scaled = requantize_double(sums, np.array(multiplier), np.array(shift))
    np.testing.assert_array_equal(out, np.clip(scaled + zero_point, -128, 127))
    assert len(np.unique(out)) > 3
    library.greatest(layer_at, codes_at, out_at)
    np.testing.assert_array_equal(out, codes.max(axes))
