"""The engine's softmax alone: what few rows of a network show."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tinysine.oracles.integer import softmax
from tinysine.quantization import Rounding

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(engine_library: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    """The softmax, compiled."""
    return engine_library(HERE / "softmax.c")


@pytest.mark.parametrize("power", [15, 58, 143, 155, 179, 200, 247])
def test_softmax_of_all_rows_of_three(library: ctypes.CDLL, power: int) -> None:
    """Equal to the oracle's arithmetic, for scales at which the last of 31 bits decides the code of some row."""
    below = np.arange(256)
    exps = np.minimum(2.0**31 * np.exp(-0.003 * 1.01**power * below), 2**31 - 1).astype(np.int32)
    rows = np.stack([np.full(65536, 127), 127 - np.repeat(below, 256), 127 - np.tile(below, 256)], axis=1)
    rows = rows.astype(np.int8)
    out = np.empty_like(rows)
    library.shares(*(each.ctypes.data_as(ctypes.c_void_p) for each in (exps, rows, out)), *rows.shape)
    node: Any = SimpleNamespace(exps=exps, width=3)
    expected = softmax.run(node, (rows,), Rounding.LITERT)
    wrong = np.argwhere(out != expected)
    assert not wrong.size, f"{len(wrong)} wrong, the first in row {rows[wrong[0][0]].tolist()}"
