"""Lists in place of arrays: taken where no number changes, refused in one line where one would."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.exact_arrays import exact_array
from tinysine.testing import FakeDevice, FakeRig

INT8, UINT8, FLOAT32 = np.dtype(np.int8), np.dtype(np.uint8), np.dtype(np.float32)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([[-128], [0], [127]], INT8),
        (((255,),), UINT8),
        ([[True and 1], [np.int8(3)]], INT8),
        ([[0.1], [1]], FLOAT32),
        ([[float("nan")], [float("inf")]], FLOAT32),
        (np.array([[5]], dtype=np.int8), INT8),
    ],
)
def test_numbers_that_fit_are_taken(values: Any, dtype: np.dtype[Any]) -> None:
    """As NumPy makes them, in the dtype that is wanted."""
    array = exact_array(values, dtype, (None, 1), "codes")
    assert array.dtype == dtype
    assert np.array_equal(array, np.asarray(values, dtype=dtype), equal_nan=dtype.kind == "f")


class AlwaysEqual(np.ndarray[Any, np.dtype[Any]]):
    """An array that says that it differs from nothing."""

    def __ne__(self, other: object) -> Any:
        return np.zeros(self.shape, bool)

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "kind",
    [lambda array: np.ma.array(array, mask=True), lambda array: array.view(AlwaysEqual)],
    ids=["masked", "equal to all"],
)
def test_of_a_subclass_the_numbers_count(kind: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    """Whatever it makes of them itself: a wrong answer cannot be masked."""
    given = kind(np.array([[5], [6]], np.int8))
    array = exact_array(given, INT8, (None, 1), "codes")
    assert type(array) is np.ndarray
    assert (array != np.array([[5], [7]])).tolist() == [[False], [True]]


def test_no_rows_are_taken() -> None:
    """As an array of that shape is; a list of nothing has no width to be wrong."""
    assert exact_array(np.zeros((0, 2), np.int8), INT8, (None, 2), "codes").shape == (0, 2)


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([[128]], ValueError, "codes has 128, which int8 cannot hold; it must be int8 [n, 1]"),
        ([[-129]], ValueError, "codes has -129, which int8 cannot hold"),
        ([[10**30]], TypeError, "codes must be int8 [n, 1], not list of object"),
        ([[1.5]], ValueError, "codes is float64, but must be int8 [n, 1]; infer_f32 takes real numbers"),
        ([[1.0]], ValueError, "codes is float64, but must be int8 [n, 1]; infer_f32 takes real numbers"),
        ([["one"]], TypeError, "codes must be int8 [n, 1], not list of <U3"),
        ([[1], [2, 3]], TypeError, "codes must be int8 [n, 1], and is no array of numbers"),
        ("text", TypeError, "codes must be int8 [n, 1], not str of"),
        (None, TypeError, "codes must be int8 [n, 1], not NoneType of object"),
        ([[True]], TypeError, "codes must be int8 [n, 1], not list of bool"),
        ([1, 2], ValueError, "codes has shape [2], but must be int8 [n, 1]"),
        ([[1, 2]], ValueError, "codes has shape [1, 2], but must be int8 [n, 1]"),
        (7, ValueError, "codes has shape [], but must be int8 [n, 1]"),
        (np.array([[1]]), ValueError, "codes is int64, but must be int8 [n, 1]"),
    ],
)
def test_what_would_change_is_refused(values: Any, kind: type[Exception], said: str) -> None:
    """With the dtype and the shape that are wanted."""
    with pytest.raises(kind, match=f"^{re.escape(said)}"):
        exact_array(values, INT8, (None, 1), "codes")


def test_a_float_beyond_float32_is_refused() -> None:
    """It would become infinite."""
    with pytest.raises(ValueError, match=r"x has 1e\+300, which float32 cannot hold"):
        exact_array([[1e300]], FLOAT32, (None, 1), "x")


def test_a_device_takes_lists() -> None:
    """`infer`, `infer_f32` and `time`."""
    rig = FakeRig(FakeDevice(answer=lambda codes: codes // 2))
    device = rig.connect(rig.port)
    assert device.infer([[40], [-8]]).tolist() == [[20], [-4]]
    assert device.time([40], repetitions=2).counts.shape == (2,)
    with pytest.raises(ValueError, match="inputs has 300, which int8 cannot hold"):
        device.infer([[300]])
    with pytest.raises(ValueError, match=r"codes has shape \[1, 1\], but must be int8 \[1\]"):
        device.time([[40]], repetitions=2)
