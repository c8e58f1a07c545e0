"""The generated C of every operator, and of graphs of several, on this computer under sanitizers."""

from __future__ import annotations

from typing import Any

import pytest

from trust.conformance.campaign import HOSTED, run_networks
from trust.conformance.graphs import HOST_VARIANTS, OPERATORS

CHUNK = len(HOST_VARIANTS) * len(OPERATORS)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(2))
def test_operators_in_c_equal_the_integers_within_their_memory(chunk: int, host_cc: Any) -> None:
    """Every output is right, nothing undefined happens, and no byte beyond an input or output is touched."""
    del host_cc  # skips where there is no compiler
    tally = run_networks(range(chunk * CHUNK, (chunk + 1) * CHUNK), kind=HOSTED, processes=1)
    assert tally.failures == []
