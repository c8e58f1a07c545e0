"""MAX_POOL_2D: which kernel runs it."""

from __future__ import annotations

from tinysine.codegen.kernels.pooling import pool_step
from tinysine.codegen.steps import Step, Target
from tinysine.graph.pooling import Pool


def plan(node: Pool, number: int, target: Target) -> Step:
    """Choose the kernel of one pool."""
    if not target.dsp:
        return pool_step(node, number, kernel="ts_max_pool_s8", reason="plain C")
    return pool_step(node, number, kernel="ts_max_pool_wide_s8", reason="four channels at a time")
