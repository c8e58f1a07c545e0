"""A shift in the low byte of a multiplier changes no code, or is not put there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinysine.codegen.packed_multiplier import pack_multipliers
from tinysine.graph import accumulator_bounds, parse_network, with_rounding
from tinysine.quantization import Rounding, requantize_double, requantize_single
from trust.operators.dense_chain import random_network


@settings(max_examples=60)
@given(seed=st.integers(min_value=0, max_value=2**63), rounding=st.sampled_from(Rounding))
def test_packed_multiplier_gives_the_same_codes(seed: int, rounding: Rounding) -> None:
    """Over many accumulators of each row, among them both ends, the packed word equals the whole multiplier."""
    rng = np.random.default_rng(seed)
    data = random_network(rng, layers=1, max_width=8, style="trained", per_channel=True)
    (layer,) = with_rounding(parse_network(data, file="random"), rounding).layers
    shifts = np.clip(-layer.shift - 2, 0, 255).astype(np.int32)
    packed = pack_multipliers(layer, shifts, rounding)
    if packed is None:
        return
    requantize = requantize_single if rounding is Rounding.LITERT else requantize_double
    low, high = accumulator_bounds(layer)
    acc = np.concatenate([low[None], high[None], rng.integers(low, high + 1, (50_000, layer.outputs))])
    limits = layer.clamp_min, layer.clamp_max
    whole, got = (
        np.clip(requantize(acc, word, layer.shift) + layer.output.zero_point, *limits)
        for word in (layer.multiplier, packed)
    )
    np.testing.assert_array_equal(got, whole)
    np.testing.assert_array_equal(packed & 0xFF, shifts)


@pytest.mark.parametrize("seed", range(3))
def test_packed_multiplier_is_refused_where_it_would_change_a_code(seed: int) -> None:
    """Among 64 rows of 255 steps some leaves no room for a byte: None, not a near miss."""
    rng = np.random.default_rng(seed)
    data = random_network(rng, widths=[64, 64], style="trained", activation="none", per_channel=True)
    (layer,) = with_rounding(parse_network(data, file="random"), Rounding.LITERT).layers
    shifts = np.clip(-layer.shift - 2, 0, 255).astype(np.int32)
    assert pack_multipliers(layer, shifts, Rounding.LITERT) is None
