"""Inputs that the harness chooses for models with several inputs; those of one input are tested with the oracles."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.errors import ConfigError
from tinysine.model import Model, Tensor
from tinysine.quantization import Quantization
from tinysine.stimuli import all_inputs, is_exhaustive, sample_inputs

OUTPUT = Tensor("out", np.dtype(np.int8), (1, 1), None)


def model(*inputs: tuple[type, int]) -> Model:
    """A model with inputs of a dtype and a number of elements."""
    tensors = tuple(
        Tensor(f"in{n}", np.dtype(dtype), (1, count), None if dtype is np.float32 else Quantization(0.5, n))
        for n, (dtype, count) in enumerate(inputs)
    )
    return Model(b"", "", tensors, (OUTPUT,))


def test_two_inputs_of_one_code_each_can_be_enumerated() -> None:
    """All 65,536 pairs, each in its own dtype; sampled where fewer are asked for."""
    two = model((np.uint8, 1), (np.int8, 1))
    assert is_exhaustive(two, 65_536)
    assert not sample_inputs(two, seed=0, count=1000).exhaustive
    asked = sample_inputs(two, seed=0, count=65_536)
    assert asked.exhaustive
    first, second = asked.codes
    assert (first.dtype, second.dtype) == (np.uint8, np.int8)
    assert (first.min(), first.max(), second.min(), second.max()) == (0, 255, -128, 127)
    assert len({*zip(first[:, 0].tolist(), second[:, 0].tolist(), strict=True)}) == 65_536


@pytest.mark.parametrize(
    "inputs", [((np.int8, 1), (np.int8, 2)), ((np.int8, 1), (np.float32, 1)), ((np.int16, 1),)]
)
def test_more_is_sampled(inputs: tuple[tuple[type, int], ...]) -> None:
    """Three codes in all, or one that is no byte."""
    several = model(*inputs)
    with pytest.raises(ConfigError, match="cannot be enumerated"):
        all_inputs(several)
    assert not is_exhaustive(several, 1 << 20)


def test_one_seed_gives_one_sample_whose_inputs_differ() -> None:
    """Inputs of one kind are not drawn alike."""
    twins = model((np.int8, 4), (np.int8, 4))
    first, second = sample_inputs(twins, seed=3, count=100).codes
    again = sample_inputs(twins, seed=3, count=100).codes
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])
    assert not np.array_equal(first[9:], second[9:])
    assert not np.array_equal(first, sample_inputs(twins, seed=4, count=100).codes[0])


@pytest.mark.parametrize("count", [1, 5, 64])
def test_the_corners_of_each_input_meet_those_of_the_others(count: int) -> None:
    """Lowest, zero point and highest, in every mixture of two inputs; of many inputs, all lowest and so on."""
    two = model((np.int8, 2), (np.int16, 3))
    first, second = sample_inputs(two, seed=0, count=count).codes
    pairs = [(int(a[0]), int(b[0])) for a, b in zip(first[:9], second[:9], strict=True)]
    assert pairs == [(a, b) for a in (-128, 0, 127) for b in (-32768, 1, 32767)][:count]
    many = model(*[(np.int8, 2)] * 16)
    codes = sample_inputs(many, seed=0, count=64).codes
    assert len(codes) == 16
    assert [{int(array[row, 0]) for array in codes} for row in (0, 2)] == [{-128}, {127}]
