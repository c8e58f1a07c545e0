"""ADD and SUB: which kernel of firmware/engine/add.h runs them."""

from __future__ import annotations

from tinysine.codegen.kernels.pairs import in_place, walk
from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import table
from tinysine.graph.sums import Sum
from tinysine.quantization import IntArray


def plan(node: Sum, number: int, target: Target) -> Step:
    """Choose the kernel of one sum."""
    multipliers, shifts = node.multipliers(target.rounding)
    # A difference with a constant before it: the kernels have the constant second.
    order = (0, 1) if node.operands[0].constant is None else (1, 0)
    addends = [_addend(node, position, multipliers, shifts) for position in order]
    constant = node.operands[order[1]].constant
    tables, constants, size = "", "0", 0
    if constant is not None:
        scaled = node.scaled(order[1], constant, target.rounding)
        tables = (
            f"static const TS_FLASH int32_t ts_engine_constants_{number}[] = {{\n{table(scaled.flat)}\n}};\n"
        )
        constants, size = f"ts_engine_constants_{number}", 4 * constant.size
    limits = (node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    fields = [walk(node, order), constants, *addends, multipliers[2], 31 - shifts[2], *limits]
    tables += f"static const TS_FLASH struct ts_add ts_engine_layer_{number} = {{\n{table(fields)},\n}};\n"
    kernel = "ts_add_s8" if constant is None else "ts_add_constants_s8"
    sources = ", ".join(f"{{source{i}}}" for i in range(len(node.sources)))
    return Step(
        node=node,
        kernel=kernel,
        headers=("add.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {sources}, {{target}});",
        constant_bytes=size + 76,
        in_place=in_place(node),
        reason="plain C",
    )


def _addend(node: Sum, position: int, multipliers: IntArray, shifts: IntArray) -> str:
    sign = node.sign if position else 1
    zero_point = node.operands[position].codes.zero_point
    return f"{{{multipliers[position]}, {31 - shifts[position]}, {zero_point}, {sign}}}"
