"""Layers against the reference's: the first wrong one is named, and costs are differences that hide nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.verdicts import Finding, LayerRow, Stage, Tolerance, compare_layer, judge_layers

INPUTS = np.array([[1, 2], [3, 4], [-5, 6]], np.int8)
RIGHT = np.array([[10, 20, 30], [11, 21, 31], [12, 22, 32]], np.int8)


def row(layer: int, cost: float | None = None, **facts: object) -> LayerRow:
    """A layer that is equal to the reference."""
    made = LayerRow(layer, "FULLY_CONNECTED", f"dense_{layer};fused", model_cost=cost, **facts)  # type: ignore[arg-type]
    return compare_layer(made, inputs=INPUTS, device=RIGHT, expected=RIGHT)


def wrong(layer: int) -> LayerRow:
    """A layer with two wrong values."""
    device = RIGHT.copy()
    device[1, 2] += 3
    device[2, 0] -= 1
    made = LayerRow(layer, "FULLY_CONNECTED", f"dense_{layer};fused")
    return compare_layer(made, inputs=INPUTS, device=device, expected=RIGHT)


def test_the_first_wrong_layer_is_named() -> None:
    """Its number, operator and tensor; how many values, by how much, and where first."""
    verdict = judge_layers([row(0), wrong(1), wrong(2)], reference="litert", unit="")
    assert not verdict.passed
    assert verdict.finding == Finding(
        Stage.ENGINE,
        "layer 1 (FULLY_CONNECTED dense_1): 2 of 3 x 3 values differ, by at most 3; "
        "first at input 3, 4, value 2: expected 31, got 34",
    )


def test_a_tolerance_that_was_asked_for_lets_a_layer_pass() -> None:
    """A difference within the tolerance passes and is still reported; one code more fails."""
    verdict = judge_layers([wrong(0)], reference="litert", unit="", tolerance=Tolerance(3))
    assert verdict.passed
    assert verdict.rows[0].differing == 2
    assert not judge_layers([wrong(0)], reference="litert", unit="", tolerance=Tolerance(2)).passed


def test_a_layer_is_judged_by_the_tolerance_of_its_dtype() -> None:
    """Codes say nothing of a layer in floats, nor the other way round; with neither, the sign of a zero counts."""
    other = Tolerance(absolute=100.0)
    assert not judge_layers([wrong(0)], reference="litert", unit="", tolerance=other).passed
    zero = np.zeros((1, 1), np.float32)
    signed = compare_layer(LayerRow(0, "ADD", "sum"), inputs=INPUTS[:1], device=-zero, expected=zero)
    assert not judge_layers([signed], reference="litert", unit="", tolerance=Tolerance(codes=9)).passed


def test_equal_layers_pass() -> None:
    """Nothing differs, and something was compared."""
    verdict = judge_layers([row(0), row(1)], reference="litert", unit="")
    assert verdict.passed
    assert verdict.finding is None
    assert [(r.differing, r.max_abs_diff, r.checked, r.values) for r in verdict.rows] == [(0, 0, 3, 3)] * 2


def test_floats_are_compared_bit_for_bit() -> None:
    """0.0 is not -0.0, and a NaN differs without a size."""
    expected = np.array([[0.0, 1.0]], np.float32)
    made = LayerRow(0, "DEQUANTIZE", "out")
    zero = compare_layer(made, inputs=INPUTS[:1], device=-expected * [1, -1], expected=expected.astype(float))
    assert (zero.differing, zero.max_abs_diff) == (1, 0)
    device = np.array([[0.0, np.nan]], np.float32)
    nan = compare_layer(made, inputs=INPUTS[:1], device=device, expected=expected)
    assert (nan.differing, nan.max_abs_diff) == (1, None)


def test_another_shape_is_not_compared() -> None:
    """Broadcasting would make an answer out of a wrong shape."""
    with pytest.raises(ValueError, match="int8"):
        compare_layer(LayerRow(0, "ADD", "x"), inputs=INPUTS, device=RIGHT[:, :1], expected=RIGHT)


def test_nothing_asked_is_no_pass() -> None:
    """Layers that could not be asked show nothing."""
    verdict = judge_layers([LayerRow(0, "PAD", "p", not_asked="it cannot end")], reference="", unit="")
    assert not verdict.passed
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.HARNESS


def test_a_crash_is_told_where_no_value_is_wrong() -> None:
    """A wrong value that came before says more."""
    crash = Finding(Stage.FIRMWARE, "layer 1 (ADD x): it faulted")
    assert judge_layers([row(0)], reference="litert", unit="", crash=crash).finding == crash
    named = judge_layers([wrong(0)], reference="litert", unit="", crash=crash).finding
    assert named is not None
    assert named.reason.startswith("layer 0 ")


def test_costs_are_differences() -> None:
    """A layer that was not asked is covered by the next one; its second tensor costs nothing; fusing may save."""
    rows = [
        LayerRow(0, "QUANTIZE", "q", not_asked="it cannot end"),
        row(1, 300),
        row(2, 340),
        row(2, 340),
        row(3, 335),
    ]
    told = judge_layers(rows, reference="litert", unit="instructions").rows
    assert [(r.cost, r.cost_from) for r in told] == [(None, None), (300, 0), (40, 2), (None, None), (-5, 3)]


def test_estimated_cycles_are_differences_as_costs_are() -> None:
    """Of those layers whose cost is known, and only where the estimate is there for both."""
    rows = [
        row(0, 300, model_estimated_cycles=400.0),
        row(1, 340, model_estimated_cycles=460.6),
        row(1, 340, model_estimated_cycles=460.6),
        row(2, 350),
    ]
    told = judge_layers(rows, reference="litert", unit="instructions").rows
    assert [r.estimated_cycles for r in told] == [400.0, 60.6, None, None]


def test_a_difference_within_noise_is_none() -> None:
    """A noisy clock cannot tell these two apart; the next layer's figure covers both."""
    rows = [row(0, 100, model_noise=20), row(1, 110, model_noise=20), row(2, 900, model_noise=20)]
    told = judge_layers(rows, reference="litert", unit="ns").rows
    assert [(r.cost, r.cost_from) for r in told] == [(100, 0), (None, None), (800, 1)]


def test_long_names_are_shortened() -> None:
    """The converter joins names, and a file can have any."""
    assert LayerRow(2, "ADD", "x" * 500).name == f"layer 2 (ADD ...{'x' * 40})"
    assert LayerRow(2, "ADD", "").name == "layer 2 (ADD)"
