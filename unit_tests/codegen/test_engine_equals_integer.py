"""The generated C, for every kind of core and both profiles, on this computer under sanitizers: many engines a program.

The same on the cores themselves: test_engines_on_their_cores.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tinysine.oracles import integer_oracle
from trust.conformance.host import host_sources, run_host
from trust.conformance.networks import LOOPS, Variant, draw
from trust.conformance.trial import difference

# What the host runs in the place of each core: the plain C beside the assembly, and the kernels for all others.
VARIANTS = (
    Variant("cortex-m4", "host", "speed"),
    Variant("cortex-m0", "host", "speed"),
    Variant("cortex-m4", "host", "size"),
)
CHUNK = 2 * len(LOOPS) * len(VARIANTS)
CHUNKS = 4
# One engine after another in one file: those that this one does not use are not wrong.
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_engines_equal_the_integer_oracle_within_their_memory(
    chunk: int, tmp_path: Path, host_cc: Any
) -> None:
    """Every output is right, nothing undefined happens, and no byte beyond an input or output is touched."""
    cases = [draw(number, VARIANTS) for number in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    engines = {f"e{case.number}": case.source for case in cases}
    program = tmp_path / "engines"
    host_cc("-O0", *WARNINGS, *host_cc.sanitizers, "-o", program, *host_sources(engines, tmp_path))
    answers = run_host(program, [(case.model, case.inputs) for case in cases])
    assert not isinstance(answers, str), answers
    for case, got in zip(cases, answers, strict=True):
        expected = integer_oracle(case.model, case.rounding).run(case.inputs)
        assert difference(case.inputs, got, expected) == "", f"network {case.number}, {case.variant}"
