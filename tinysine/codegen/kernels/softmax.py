"""SOFTMAX: firmware/engine/softmax.h."""

from __future__ import annotations

from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import table
from tinysine.graph.operators.softmax import Softmax


def plan(node: Softmax, number: int, target: Target) -> Step:
    """Take each row by one table of exponentials."""
    del target
    exps = table(int(each) for each in node.exps)
    return Step(
        node=node,
        kernel="ts_softmax_s8",
        headers=("softmax.h",),
        tables=f"static const TS_FLASH int32_t ts_engine_exps_{number}[256] = {{\n{exps}\n}};\n",
        call=f"ts_softmax_s8(ts_engine_exps_{number}, {{source0}}, {{target}}, {node.rows}, {node.width});",
        constant_bytes=4 * 256,
        in_place=True,
    )
