"""Pruning folds away what is proved constant, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinysine.codegen import generate
from tinysine.codegen.prune import prune_constant_neurons
from tinysine.graph import DenseChain, parse_network, read_network, with_rounding
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import all_inputs, sample_inputs
from trust.operators.dense_chain import random_network


@pytest.mark.parametrize("rounding", Rounding)
def test_pruned_reference_model_gives_the_same_256_outputs(
    run_engine: Callable[..., NDArray[Any]], rounding: Rounding
) -> None:
    """Every output of the pruned engine equals the unpruned oracle's, with fewer neurons than before."""
    model = read_network(REFERENCE_MODEL)
    codes = all_inputs(model).codes
    got = run_engine(model, codes, rounding=rounding, core="cortex-m4", prune=True)
    np.testing.assert_array_equal(got, integer_oracle(model, rounding).run(codes))
    engine = generate(model, rounding=rounding, core="cortex-m4", prune=True)
    assert len(engine.pruned) > 0
    before, after = (sum(layer.outputs for layer in layers) for layers in (model.layers, _layers(engine)))
    assert after == before - len(engine.pruned)


@settings(max_examples=60)
@given(seed=st.integers(min_value=0, max_value=2**63), rounding=st.sampled_from(Rounding))
def test_pruned_network_is_the_same_function(seed: int, rounding: Rounding) -> None:
    """For any one-input network, all 256 outputs stay as they were, and each folded neuron was constant."""
    data = random_network(np.random.default_rng(seed), inputs=1)
    model = with_rounding(parse_network(data, file="random"), rounding)
    pruned, neurons = prune_constant_neurons(model, rounding)
    codes = all_inputs(model).codes
    expected = integer_oracle(model, rounding).run(codes)
    np.testing.assert_array_equal(integer_oracle(pruned, rounding).run(codes), expected)
    assert all(neuron.layer < len(model.layers) - 1 for neuron in neurons)
    assert all(layer.outputs >= 1 for layer in pruned.layers)


def test_dead_neurons_of_several_inputs_are_folded() -> None:
    """With more inputs than can be run, intervals prove what never changes; every answer stays."""
    for rounding in Rounding:
        model = parse_network(random_network(np.random.default_rng(1), widths=(3, 8, 6, 2)), file="random")
        assert isinstance(model, DenseChain)
        first = model.layers[0]
        bias = np.where(np.arange(8) < 3, -(1 << 20), first.bias).astype(np.int32)
        dead = dataclasses.replace(model, layers=(dataclasses.replace(first, bias=bias), *model.layers[1:]))
        ready = with_rounding(dead, rounding)
        pruned, neurons = prune_constant_neurons(ready, rounding)
        assert {(neuron.layer, neuron.neuron) for neuron in neurons} >= {(0, 0), (0, 1), (0, 2)}
        codes = sample_inputs(model, seed=1, count=256).codes
        expected = integer_oracle(dead, rounding).run(codes)
        np.testing.assert_array_equal(integer_oracle(pruned, rounding).run(codes), expected)


def _layers(engine: Any) -> list[Any]:
    return [planned.layer for planned in engine.plan.layers]
