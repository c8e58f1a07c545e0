"""The generated C, for every kind of core and both profiles, against exact integers on random networks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinysine.model import parse_model
from tinysine.model.random_networks import random_network
from tinysine.oracles import integer_oracle, sample_inputs
from tinysine.quantization import Rounding

RunEngine = Callable[..., NDArray[Any]]

CHUNK = 25
# Enough for every day; `TINYSINE_RANDOM_NETWORKS=100000 pytest unit_tests/codegen` for a night.
NETWORKS = int(os.environ.get("TINYSINE_RANDOM_NETWORKS", "2000"))
VARIANTS = [("cortex-m4", "speed"), ("cortex-m0", "speed"), ("cortex-m4", "size")]


def check(run_engine: RunEngine, seed: int, **options: object) -> None:
    """One network, drawn by the seed, in one variant, drawn too."""
    rng = np.random.default_rng(seed)
    inputs = 1 if rng.random() < 0.3 else None
    data = random_network(rng, inputs=inputs, input_type=None, output_type=None)
    model = parse_model(data, file=f"network {seed}")
    core, optimize = VARIANTS[seed % len(VARIANTS)]
    rounding = list(Rounding)[seed // len(VARIANTS) % 2]
    asked = sample_inputs(model, seed=seed, count=64).codes
    got = run_engine(model, asked, rounding=rounding, core=core, optimize=optimize, **options)
    expected = integer_oracle(model, rounding).run(asked)
    wrong = np.flatnonzero((got != expected).any(axis=1))
    if wrong.size:
        first = wrong[0]
        what = f"seed {seed}, {core} {optimize} {rounding}, input {asked[first]}"
        pytest.fail(f"{what}: {got[first]} is not {expected[first]}")


@pytest.mark.parametrize("chunk", range(-(-NETWORKS // CHUNK)))
def test_engine_equals_integer_oracle(run_engine: RunEngine, chunk: int) -> None:
    """Every output equals the integer oracle's, and nothing undefined happens on the way."""
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(run_engine, seed)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=10**9, max_value=2**63))
def test_engine_stays_within_its_memory(run_engine: RunEngine, seed: int) -> None:
    """Under both sanitizers no engine reads or writes beyond what it was given."""
    check(run_engine, seed, address_sanitizer=True)
