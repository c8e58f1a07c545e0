"""CONCATENATION: each source copied to its place, by firmware/engine/blocks.h."""

from __future__ import annotations

import math

from tinysine.codegen.steps import Step, Target
from tinysine.graph.operators.concatenation import Concatenation


def plan(node: Concatenation, number: int, target: Target) -> Step:
    """Copy source after source."""
    del number, target
    rows = math.prod(node.result.shape[: node.axis])
    step = node.result.count // rows
    calls, before = [], 0
    for position, value in enumerate(node.sources):
        row = value.count // rows
        calls.append(f"ts_copy_rows_s8({{source{position}}}, {{target}} + {before}, {rows}, {row}, {step});")
        before += row
    return Step(
        node=node, kernel="ts_copy_rows_s8", headers=("blocks.h",), call="\n".join(calls), reason="plain C"
    )
