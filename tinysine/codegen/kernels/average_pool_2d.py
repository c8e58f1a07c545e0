"""AVERAGE_POOL_2D: which kernel runs it."""

from __future__ import annotations

from tinysine.codegen.kernels.pooling import pool_step
from tinysine.codegen.steps import Step, Target
from tinysine.graph.pooling import Pool

MOST_TAPS = 256  # whose sum 16 bits hold


def plan(node: Pool, number: int, target: Target) -> Step:
    """Choose the kernel of one pool."""
    if not target.dsp:
        return pool_step(node, number, kernel="ts_average_pool_s8", reason="plain C")
    if node.taps > MOST_TAPS:
        reason = f"plain C: {node.taps} taps are more than 16 bits can sum"
        return pool_step(node, number, kernel="ts_average_pool_s8", reason=reason)
    return pool_step(node, number, kernel="ts_average_pool_wide_s8", reason="four channels at a time")
