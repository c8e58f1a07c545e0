"""REDUCE_MAX: firmware/engine/reduce.h."""

from __future__ import annotations

from tinysine.codegen.kernels.reduction import reduction_step
from tinysine.codegen.steps import Step, Target
from tinysine.graph.reduction import Reduction


def plan(node: Reduction, number: int, target: Target) -> Step:
    """Look for the greatest code."""
    del target
    return reduction_step(node, number, kernel="ts_reduce_max_s8")
