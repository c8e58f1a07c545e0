"""Integers equal LiteRT and TensorFlow Lite Micro, output for output, on random networks: no tolerance."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinysine.graph import Network, parse_network
from tinysine.oracles import Oracle, integer_oracle, litert_oracle, tflm_oracle
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.stimuli import all_inputs, sample_inputs
from trust.operators.dense_chain import Style, random_network

REFERENCES = {Rounding.LITERT: litert_oracle, Rounding.TFLM: tflm_oracle}
STYLES: tuple[Style | None, ...] = ("trained", "extreme", "wide", None)
CHUNK = 50
CHUNKS = [0, *(pytest.param(number, marks=pytest.mark.long) for number in (1, 2, 3, 4))]


def _reference(model: Network, rounding: Rounding) -> Oracle:
    if rounding is Rounding.TFLM:
        pytest.importorskip("tflite_micro", reason="needs tflite_micro, which is not installed")
    return REFERENCES[rounding](model)


@functools.lru_cache(maxsize=CHUNK)  # the next test asks for the same chunk with the other rounding
def _network(seed: int, inputs: int | None) -> Network:
    rng = np.random.default_rng(seed)
    data = random_network(
        rng, inputs=inputs, input_type=None, output_type=None, style=STYLES[seed % len(STYLES)]
    )
    return parse_network(data, file=f"network {seed}")


def _check(seed: int, rounding: Rounding, *, inputs: int | None) -> None:
    model = _network(seed, inputs)
    if model.input.count == 1 and model.input.dtype.itemsize == 1:
        codes = all_inputs(model).codes
    else:
        codes = sample_inputs(model, seed=seed, count=256 if inputs == 1 else 64).codes
    expected = _reference(model, rounding).run(codes)
    got = integer_oracle(model, rounding).run(codes)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape == (len(codes), model.output.count)
    wrong = np.flatnonzero((got != expected).any(axis=1))
    assert wrong.size == 0, (
        f"seed {seed}: input {codes[wrong[0]]} gives {got[wrong[0]]}, not {expected[wrong[0]]}"
    )


@pytest.mark.parametrize("rounding", INTERPRETED)
@pytest.mark.parametrize("chunk", CHUNKS)
def test_integers_equal_the_reference_on_all_inputs(rounding: Rounding, chunk: int) -> None:
    """One input: all 256 of them, on 250 networks of every shape, style and ends; 200 are marked long."""
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        _check(seed, rounding, inputs=1)


@pytest.mark.parametrize("rounding", INTERPRETED)
@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.long
def test_integers_equal_the_reference_on_vectors(rounding: Rounding, chunk: int) -> None:
    """Several inputs and outputs: random vectors and corners, on as many networks."""
    for seed in range(10_000 + chunk * CHUNK, 10_000 + (chunk + 1) * CHUNK):
        _check(seed, rounding, inputs=None)


@pytest.mark.parametrize("rounding", INTERPRETED)
@settings(max_examples=50)
@given(seed=st.integers(2**20, 2**63))
def test_integers_equal_the_reference_on_any_network(rounding: Rounding, seed: int) -> None:
    """The same for seeds that nobody chose."""
    _check(seed, rounding, inputs=None)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(100))
@pytest.mark.parametrize("rounding", INTERPRETED)
def test_integers_equal_the_reference_on_thousands(rounding: Rounding, chunk: int) -> None:
    """Ten thousand networks with each rounding, for a night."""
    for seed in range(100_000 + chunk * 100, 100_000 + (chunk + 1) * 100):
        _check(seed, rounding, inputs=1 if seed % 2 else None)
