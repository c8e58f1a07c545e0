"""MEAN: firmware/engine/reduce.h."""

from __future__ import annotations

import dataclasses

from tinysine.codegen.kernels.reduction import reduction_step
from tinysine.codegen.steps import Step, Target
from tinysine.graph.operators.mean import Mean


def plan(node: Mean, number: int, target: Target) -> Step:
    """Sum, then requantise."""
    del target
    start = -node.taps * node.source.codes.zero_point
    scale = f"{{{start}, {node.multiplier}, {31 - node.shift}, {node.result.codes.zero_point}}}"
    step = reduction_step(
        node, number, kernel="ts_mean_s8", more=f", &ts_engine_scale_{number}", extra_bytes=16
    )
    tables = f"static const TS_FLASH struct ts_mean ts_engine_scale_{number} = {scale};\n"
    return dataclasses.replace(step, tables=step.tables + tables)
