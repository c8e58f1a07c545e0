"""Damaged, mutated and hostile files: a Network or a ModelError, quickly, and nothing else."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import ModelError
from tinysine.graph import DenseChain, FullyConnected, Graph, Network, parse_network
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Quantization
from tinysine.tflite.writer import LayerSpec, write_model
from trust.operators import DRAWS
from trust.operators.dense_chain import random_network

SEEDS = [
    REFERENCE_MODEL.read_bytes(),
    *(
        random_network(np.random.default_rng(s), max_width=8, input_type=None, output_type=None)
        for s in range(6)
    ),
    *(draw(np.random.default_rng(0)) for draw in DRAWS.values()),
]
# Numbers that make trouble where an offset, a length or a shape is read.
AWKWARD = [0, 1, 3, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1]


def _model_or_error(data: bytes) -> None:
    began = time.process_time()
    refusal = None
    try:
        model = parse_network(data, file="mutated.tflite")
    except ModelError as error:
        refusal = error.message
    if refusal is None:
        _check_invariants(model)
    else:
        assert "mutated.tflite" in refusal
        assert "\n" not in refusal
    assert time.process_time() - began < 1.0


def _check_invariants(model: Network) -> None:
    """Whatever was read has to be safe to compute with."""
    if isinstance(model, Graph):
        assert model.nodes
        for node in model.nodes:
            assert all(min(value.shape, default=1) >= 1 for value in (*node.sources, node.result))
            if isinstance(node, DenseNode):
                _check_layer(node.layer)
        return
    assert isinstance(model, DenseChain)
    assert model.layers
    width = model.input.count
    for layer in model.layers:
        assert layer.inputs == width
        width = layer.outputs
        _check_layer(layer)
    assert model.output.count == width


def _check_layer(layer: FullyConnected) -> None:
    for array in (layer.bias, layer.multiplier, layer.shift, layer.weight_scales):
        assert array.shape == (layer.outputs,)
    assert ((layer.shift >= -31) & (layer.shift <= 30)).all()
    assert ((layer.multiplier == 0) | (layer.multiplier >= 2**30)).all()
    assert -128 <= layer.clamp_min <= layer.clamp_max <= 127
    assert np.isfinite(layer.real_multiplier).all()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good file after one to five accidents."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(
            st.sampled_from(["flip", "byte", "word", "cut", "insert", "delete", "copy", "splice", "share"])
        )
        if not data:
            break
        if kind == "flip":
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte":
            data[place] = draw(st.integers(0, 255))
        elif kind == "word":
            data[place : place + 4] = struct.pack("<I", draw(st.sampled_from(AWKWARD)))
        elif kind == "share" and len(data) >= 8:
            # Two offsets lead to one place: offsets count from where they stand.
            here, there = (4 * draw(st.integers(0, len(data) // 4 - 1)) for _ in range(2))
            target = there + int.from_bytes(data[there : there + 4], "little")
            data[here : here + 4] = struct.pack("<I", (target - here) % 2**32)
        elif kind == "cut":
            del data[place:]
        elif kind == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=9))
        elif kind == "delete":
            del data[place : place + draw(st.integers(1, 9))]
        elif kind == "copy":
            start = draw(st.integers(0, len(data) - 1))
            piece = data[start : start + draw(st.integers(1, 64))]
            data[place : place + len(piece)] = piece
        elif kind == "splice":
            other = draw(st.sampled_from(SEEDS))
            data[place:] = other[draw(st.integers(0, len(other) - 1)) :]
    return bytes(data)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_mutated_file_is_a_model_or_an_error(data: bytes) -> None:
    """Bit flips, truncations, insertions and splices never get past ModelError."""
    _model_or_error(data)


@pytest.mark.long
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_mutated_file_is_a_model_or_an_error_a_thousand_times(data: bytes) -> None:
    """The same, on more files."""
    _model_or_error(data)


@pytest.mark.slow
@settings(max_examples=50000, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_mutated_file_is_a_model_or_an_error_at_length(data: bytes) -> None:
    """The same, for a night."""
    _model_or_error(data)


@given(st.binary(max_size=300))
def test_random_bytes_are_an_error(data: bytes) -> None:
    """Bytes from nowhere, even under the right identifier."""
    _model_or_error(data)
    _model_or_error(data[:4] + b"TFL3" + data[4:])


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
def test_every_word_of_a_small_file_may_be_awkward(step: int) -> None:
    """Each aligned word in turn becomes each awkward number; every fifth one in a hurry."""
    data = min(SEEDS, key=len)
    for place in range(0, len(data) - 3, 4 * step):
        for value in AWKWARD:
            _model_or_error(data[:place] + struct.pack("<I", value) + data[place + 4 :])


@pytest.mark.parametrize("step", [25, pytest.param(1, marks=pytest.mark.long)])
def test_claimed_lengths_take_no_memory(step: int) -> None:
    """Vectors that claim gigabytes are refused by the bytes that are there."""
    data = SEEDS[1]
    tracemalloc.start()
    try:
        for place in range(0, len(data) - 3, 4 * step):
            spoilt = data[:place] + struct.pack("<I", 2**31 - 1) + data[place + 4 :]
            _model_or_error(spoilt)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20


def test_long_chain_is_refused_before_it_is_followed() -> None:
    """More operators than any network here has are not even looked at."""
    one = LayerSpec(np.ones((1, 1), np.int8), None, np.ones(1, np.float32), Quantization(1.0, 0))
    with pytest.raises(ModelError, match="1001 operators"):
        parse_network(write_model([one] * 1001, input=Quantization(1.0, 0)), file="long")


def test_more_weights_than_fit_anything_are_refused() -> None:
    """Weights beyond 4 MiB are refused with a reason."""
    square = LayerSpec(np.zeros((2049, 2049), np.int8), None, np.ones(1, np.float32), Quantization(1.0, 0))
    with pytest.raises(ModelError, match="bytes of weights"):
        parse_network(write_model([square], input=Quantization(1.0, 0)), file="fat")


def test_random_file_of_any_size() -> None:
    """A megabyte of noise is refused at once."""
    _model_or_error(os.urandom(1 << 20))
    _model_or_error(b"\x20\0\0\0TFL3" + os.urandom(1 << 20))
