"""An operator that is read is computed, drawn and generated, too."""

from __future__ import annotations

from tinysine.codegen.kernels import KERNELS
from tinysine.graph.operators import READERS
from tinysine.oracles.integer.nodes import RUNNERS

# Folded while a file is read, into a known shape or a dilated convolution: no node is left of them.
FOLDED = {"SHAPE", "STRIDED_SLICE", "PACK", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}


def test_every_node_has_integers_and_a_kernel() -> None:
    """The registries have the same operators."""
    assert set(RUNNERS) == set(KERNELS)
    assert set(READERS) - FOLDED == set(KERNELS) - FOLDED
