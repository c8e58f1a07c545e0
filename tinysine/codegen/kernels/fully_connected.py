"""FULLY_CONNECTED: the loops of firmware/engine/dense_lanes.h, wide.h and plain.h, once for each row."""

from __future__ import annotations

from tinysine.codegen.emit import HEADERS
from tinysine.codegen.emit_loops import FUNCTIONS, emit_loop
from tinysine.codegen.plan import plan_loop
from tinysine.codegen.steps import Step, Target
from tinysine.graph.operators.fully_connected import DenseNode


def plan(node: DenseNode, number: int, target: Target) -> Step:
    """Choose the kernel of one dense layer, its integers as `graph_with_rounding` has made them."""
    layer = plan_loop(node.layer, target.rounding, dsp=target.dsp)
    source, result = "(const uint8_t *){source0}", "(uint8_t *){target}"
    if node.rows > 1:
        source += f" + i * {node.layer.inputs}"
        result += f" + i * {node.layer.outputs}"
    tables, call, size = emit_loop(
        number,
        layer,
        rounding=target.rounding,
        source=source,
        target=result,
        scratch="(uint8_t *){scratch}",
        signed=True,
    )
    if node.rows > 1:
        call = f"for (unsigned i = 0; i < {node.rows}; i++) {{{{\n    {call}\n}}}}"
    return Step(
        node=node,
        kernel=f"{FUNCTIONS[layer.kernel]}_s8",
        headers=(HEADERS[layer.kernel],),
        tables=tables,
        call=call,
        constant_bytes=size,
        scratch_bytes=layer.scratch,
        reason=layer.reason or f"{layer.kernel} loop",
    )
