"""The generated C of every operator, on this computer under sanitizers, held against the integers: many a program."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.codegen import generate
from tinysine.codegen.steps import Optimize
from tinysine.graph import parse_network
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import arrays_of
from trust.conformance.host import host_sources, run_host
from trust.operators import DRAWS

# Core and profile.
VARIANTS: tuple[tuple[str, Optimize], ...] = (
    ("cortex-m4", "speed"),
    ("cortex-m0", "speed"),
    ("cortex-m4", "size"),
)
EACH, INPUTS = 2 * len(VARIANTS), 6
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")


@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.long)])
def test_operators_in_c_equal_the_integers_within_their_memory(
    chunk: int, tmp_path: Path, host_cc: Any
) -> None:
    """Every output is right, nothing undefined happens, and no byte beyond an input or output is touched."""
    asked, expected, engines, names = [], [], {}, []
    for operator, draw in DRAWS.items():
        for seed in range(chunk * EACH, (chunk + 1) * EACH):
            (core, optimize), rounding = VARIANTS[seed % len(VARIANTS)], tuple(Rounding)[seed % 2]
            model = parse_network(
                draw(np.random.default_rng([seed, 7, zlib.crc32(operator.encode())])), file=operator
            )
            if operator == "SPACE_TO_BATCH_ND":
                rounding = Rounding.LITERT  # the other has no answer to most of these
            engine = generate(model, rounding=rounding, optimize=optimize, core=core)
            engines[f"e{len(engines)}"] = engine.source
            inputs = sample_inputs(model, seed=seed, count=INPUTS).codes
            asked.append((model, inputs))
            expected.append(integer_oracle(model, rounding).run(inputs))
            names.append(f"{operator} {seed}, {core}, {optimize}, {rounding}")
    program = tmp_path / "engines"
    host_cc("-O0", *WARNINGS, *host_cc.sanitizers, "-o", program, *host_sources(engines, tmp_path))
    answers = run_host(program, asked)
    assert not isinstance(answers, str), answers
    for name, wanted, got in zip(names, expected, answers, strict=True):
        for one, other in zip(arrays_of(wanted), arrays_of(got), strict=True):
            np.testing.assert_array_equal(other, one, err_msg=name)
