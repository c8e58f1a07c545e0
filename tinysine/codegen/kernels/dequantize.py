"""DEQUANTIZE: firmware/include/tinysine/quantize.h."""

from __future__ import annotations

from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import float32
from tinysine.graph.operators.dequantize import Dequantize


def plan(node: Dequantize, number: int, target: Target) -> Step:
    """Convert one by one."""
    del number, target
    q = node.source.codes
    call = (
        f"for (unsigned i = 0; i < {node.source.count}; i++) {{{{\n"
        f"    {{target}}[i] = ts_dequantize_f32({{source0}}[i], {float32(q.scale)}, {q.zero_point});\n}}}}"
    )
    return Step(node=node, kernel="ts_dequantize_f32", call=call)
