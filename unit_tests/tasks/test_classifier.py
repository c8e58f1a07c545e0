"""Accuracy on labelled inputs, by hand-counted examples."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.errors import ConfigError
from tinysine.tasks import judge_classes
from tinysine.tasks.classifier import Changed

LABELS = np.array([0, 1, 2, 1], np.int64)
REFERENCE = np.array([[9, 1, 1], [1, 9, 1], [1, 9, 1], [5, 5, 1]], np.int8)


def test_counts_by_hand() -> None:
    """Reference: 0, 1, 1, 0 (the first of equals); the device takes the last input for a 2."""
    device = REFERENCE.copy()
    device[3, 2] = 6
    verdict = judge_classes(labels=LABELS, device=device, reference=REFERENCE)
    assert (verdict.device, verdict.reference, verdict.float_model) == (0.5, 0.5, None)
    assert verdict.reference_confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 0))
    assert verdict.device_confusion == ((1, 0, 0), (0, 1, 1), (0, 1, 0))
    assert verdict.changed == (Changed(index=3, label=1, reference=0, device=2),)
    assert verdict.changed_count == 1


def test_a_float_model_is_counted_beside_them() -> None:
    """Its outputs are reals; only their largest counts."""
    reals = np.array([[0.9, 0, 0], [0, 0.1, 0], [0, 0, 0.2], [0, 0.3, 0]], np.float32)
    verdict = judge_classes(labels=LABELS, device=REFERENCE, reference=REFERENCE, float_model=reals)
    assert verdict.float_model == 1.0


@pytest.mark.parametrize(
    ("labels", "outputs", "says"), [([0, 3], 3, "label 3, and the model has 3"), ([0, 0], 1, "one output")]
)
def test_labels_that_the_model_cannot_have(labels: list[int], outputs: int, says: str) -> None:
    """Refused, with both numbers."""
    answers = np.zeros((2, outputs), np.int8)
    with pytest.raises(ConfigError, match=says):
        judge_classes(labels=np.array(labels), device=answers, reference=answers)
