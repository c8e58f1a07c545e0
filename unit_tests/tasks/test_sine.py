"""The error against sin(x), when there is one to speak of, and which stage it comes from."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.graph import DenseChain, FullyConnected
from tinysine.model import Model, Tensor
from tinysine.quantization import Quantization, dequantize
from tinysine.tasks import error_budget, judge_sine, real_network, sine_likeness

X = Quantization(2 * math.pi / 256, -128)
Y = Quantization(1 / 127, 0)
ALL = np.arange(-128, 128, dtype=np.int8)[:, None]
INT8 = np.dtype(np.int8)


def model(*, inputs: int = 1, outputs: int = 1, x: Quantization = X) -> DenseChain:
    """One layer; only its ends matter to a verdict on answers that are given."""
    layer = FullyConnected(
        name="y",
        weights=np.full((outputs, inputs), 64, np.int8),
        bias=np.full(outputs, 100, np.int32),
        weight_scales=np.full(outputs, 0.01),
        per_channel=False,
        input=x,
        output=Y,
        activation="none",
        multiplier=np.full(outputs, 1 << 30, np.int32),
        shift=np.zeros(outputs, np.int32),
        clamp_min=-128,
        clamp_max=127,
    )
    ends = ((Tensor("x", INT8, (1, inputs), x),), (Tensor("y", INT8, (1, outputs), Y),))
    return DenseChain(b"", "00" * 32, *ends, (layer,))


def answers(function: Any, x: Quantization = X) -> NDArray[np.int8]:
    """int8 answers of a real function."""
    return np.clip(np.round(127 * function(dequantize(ALL, x))), -128, 127).astype(np.int8)


def test_a_sine_is_compared_with_the_sine() -> None:
    """The device that equals the model has exactly the model's own error."""
    right = answers(np.sin)
    chain = model()
    verdict = judge_sine(chain, inputs=ALL, device=right, reference=right)
    assert verdict is not None
    assert verdict.passed
    of_any_operators = Model(b"", "00" * 32, chain.inputs, chain.outputs)
    assert judge_sine(of_any_operators, inputs=ALL, device=right, reference=right) == verdict
    assert (verdict.mae, verdict.max_error) == (verdict.model_mae, verdict.model_max_error)
    assert verdict.mae is not None
    assert 0 < verdict.mae < 1 / 127


def test_one_step_more_than_the_models_own_error_fails() -> None:
    """A device that is one step further from the sine than the model fails; there is no tolerance."""
    right = answers(np.sin)
    x = dequantize(ALL, X).astype(float)
    worst = int(np.argmax(np.abs(right / 127 - np.sin(x))))
    device = right.copy()
    device[worst] += 1 if right[worst] / 127 > np.sin(x[worst]) else -1
    verdict = judge_sine(model(), inputs=ALL, device=device, reference=right)
    assert verdict is not None
    assert not verdict.passed
    assert verdict.finding is not None
    assert "the int8 model's own is" in verdict.finding.reason


def test_the_finding_shows_a_difference_however_small() -> None:
    """One wrong answer moves the mean in a later decimal: four of them told the same figure twice."""
    right = answers(np.sin)
    error = right / 127 - np.sin(dequantize(ALL, X).astype(float))
    more = np.abs(error + 1 / 127) - np.abs(error)
    device = right.copy()
    device[int(np.argmin(np.where(right < 127, more, 1)))] += 1
    verdict = judge_sine(model(), inputs=ALL, device=device, reference=right)
    assert verdict is not None
    assert verdict.finding is not None
    found = re.findall(r"\d\.\d+", verdict.finding.reason)
    assert len(found) == 4
    assert found[:2] != found[2:], verdict.finding.reason
    assert all(len(figure) >= len("0.0000") for figure in found)


OTHERS = {
    "zero": np.zeros_like,
    "cosine": np.cos,
    "minus sine": lambda x: -np.sin(x),
    "double frequency": lambda x: np.sin(2 * x),
    "ramp": lambda x: x / (2 * np.pi),
}


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS.keys())
def test_a_model_that_is_no_sine_is_not_compared(function: Any) -> None:
    """Other curves over the same range have no error against the sine: absent, not zero."""
    other = answers(function)
    assert judge_sine(model(), inputs=ALL, device=other, reference=other) is None


def test_a_sine_over_another_range_or_with_more_ends_is_not_compared() -> None:
    """The inputs must cover 0..2pi, and there must be one of them and one output."""
    narrow = Quantization(0.01, -128)
    right = answers(np.sin, narrow)
    assert judge_sine(model(x=narrow), inputs=ALL, device=right, reference=right) is None
    two = np.hstack([ALL, ALL])
    assert sine_likeness(model(inputs=2), two, ALL) is None
    assert sine_likeness(model(outputs=2), ALL, two) is None
    assert sine_likeness(model(), ALL[:0], ALL[:0]) is None


finite = st.floats(-10, 10)


@given(st.lists(st.tuples(finite, finite, finite, finite, finite), min_size=1, max_size=20))
def test_the_stages_add_up_to_the_total(rows: list[tuple[float, ...]]) -> None:
    """At every x, the four stages' errors sum to device - sin(x)."""
    x, seen, network, int8, device = np.array(rows).T
    budget = error_budget(x=x, seen=seen, network=network, int8=int8, device=device)
    parts = budget.input + budget.network + budget.quantization + budget.device
    np.testing.assert_allclose(parts, budget.total, atol=1e-12)
    np.testing.assert_allclose(budget.total, device - np.sin(x), atol=1e-12)


def test_the_budget_says_which_stage_broke() -> None:
    """An error planted in one stage shows up in that stage only, at its x."""
    x = np.linspace(0, 6, 7)
    exact = np.sin(x)
    wrong = exact.copy()
    wrong[3] += 0.5
    budget = error_budget(x=x, seen=x, network=exact, int8=exact, device=wrong)
    assert budget.largest()["device"] == (pytest.approx(0.5), 3.0)
    assert budget.largest()["network"][0] == 0
    untrained = error_budget(x=x, seen=x, network=wrong, int8=wrong, device=wrong).largest()
    assert untrained["network"] == (pytest.approx(0.5), 3.0)
    assert untrained["device"][0] == 0


@pytest.mark.parametrize("device", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_a_budget_of_nothing_or_nan_is_refused(device: list[float]) -> None:
    """Missing answers and NaN are errors, not small errors."""
    two = np.zeros(2)
    with pytest.raises(ConfigError):
        error_budget(x=two, seen=two, network=two, int8=two, device=np.array(device))
    with pytest.raises(ConfigError):
        error_budget(x=two[:0], seen=two[:0], network=two[:0], int8=two[:0], device=two[:0])


def test_the_real_network_is_the_models_own_weights() -> None:
    """Weights and biases stand for the reals that their scales give them."""
    x = np.array([[0.0], [1.0], [2.0]])
    np.testing.assert_allclose(real_network(model(), x), 0.64 * x + 100 * 0.01 * X.scale)
