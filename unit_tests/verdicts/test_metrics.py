"""The usual figures of distance, against numpy by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.quantization import Quantization
from tinysine.verdicts.metrics import metrics_of


def test_figures_by_hand() -> None:
    """Two values of four differ, by one step of 0.5 and by two."""
    due = np.array([[2, 4], [6, 8]], np.int8)
    got = np.array([[2, 5], [6, 6]], np.int8)
    metrics = metrics_of(got, due, Quantization(0.5, 0))
    assert metrics is not None
    assert (metrics.max_abs, metrics.mean_abs) == (1.0, 0.375)
    assert metrics.rmse == pytest.approx(np.sqrt((0.25 + 1.0) / 4))
    assert metrics.cosine == pytest.approx((4 + 20 + 36 + 48) / np.sqrt(120 * 101))


def test_what_cannot_be_compared_has_no_figures() -> None:
    """Absent, never zero: other shapes, nothing, or an answer that is not finite. All zeros have no angle."""
    zeros = np.zeros((2, 2), np.float32)
    assert metrics_of(zeros, zeros[:1], None) is None
    assert metrics_of(zeros[:0], zeros[:0], None) is None
    assert metrics_of(np.full_like(zeros, np.nan), zeros, None) is None
    equal = metrics_of(zeros, zeros, None)
    assert equal is not None
    assert (equal.max_abs, equal.cosine) == (0.0, None)
