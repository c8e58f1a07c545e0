"""ADD and SUB: which kernel of firmware/engine/add.h runs them."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.kernels.pairs import in_place, walk
from tinysine.codegen.linear_sum import LinearSum, linear_sum
from tinysine.codegen.steps import STRUCT_BYTES, Step, Target
from tinysine.codegen.text import table
from tinysine.graph.sums import Sum
from tinysine.quantization import INT32_MAX, IntArray, Rounding


def plan(node: Sum, number: int, target: Target) -> Step:
    """Choose the kernel of one sum."""
    # A difference with a constant before it: the kernels have the constant second.
    order = (0, 1) if node.operands[0].constant is None else (1, 0)
    linear = linear_sum(node, target.rounding)
    if linear is None and target.dsp and (step := _by_tables(node, number, target.rounding)) is not None:
        return step
    if linear is None:
        fields, scaled = _exact(node, order, target.rounding)
        structure, kernel, size = "ts_add", "ts_add", STRUCT_BYTES["ts_add"]
        reason = "no linear form equals the reference for all pairs of codes"
    else:
        fields, scaled = _linear(node, order, linear)
        structure, kernel, size = "ts_add_linear", "ts_add_linear", STRUCT_BYTES["ts_add_linear"]
        reason = "a linear form, equal for all pairs of codes"
    tables, constants = "", "0"
    if scaled is not None:
        kernel, constants, size = (
            f"{kernel}_constants",
            f"ts_engine_constants_{number}",
            size + 4 * scaled.size,
        )
        tables = f"static const TS_FLASH int32_t {constants}[] = {{\n{table(scaled.flat)}\n}};\n"
    elif linear and target.dsp and _is_flat(node):
        kernel = "ts_add_words"
    fields = [walk(node, order), constants, *fields]
    tables += (
        f"static const TS_FLASH struct {structure} ts_engine_layer_{number} = {{\n{table(fields)},\n}};\n"
    )
    sources = ", ".join(f"{{source{i}}}" for i in range(len(node.sources)))
    return Step(
        node=node,
        kernel=f"{kernel}_s8",
        headers=("add.h",),
        tables=tables,
        call=f"{kernel}_s8(&ts_engine_layer_{number}, {sources}, {{target}});",
        constant_bytes=size,
        in_place=in_place(node),
        reason=reason,
    )


def _by_tables(node: Sum, number: int, rounding: Rounding) -> Step | None:
    """Plan firmware/engine/add_tables.h; None for constants, other shapes and limits, or where a word overflows."""
    if not _is_flat(node) or any(operand.constant is not None for operand in node.operands):
        return None
    codes = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)
    first, second = (2 * node.scaled(position, codes, rounding) for position in (0, 1))
    multiplier, shift = (int(part[2]) for part in node.multipliers(rounding))
    right, zero_point = -shift, node.result.codes.zero_point
    if right < 1:
        return None
    term = (1 << (right - 1)) + (zero_point << right)
    reach = int(np.abs(first).max() + np.abs(second).max())
    if max(reach, (reach * multiplier >> 32) + 2 + abs(term)) > INT32_MAX:
        return None
    name = f"ts_engine_tables_{number}"
    tables = (
        f"static const int32_t {name}[] = {{\n{table(np.concatenate([first, second]))}\n}};\n"
        f"static const struct ts_add_tables ts_engine_layer_{number} = {{\n"
        f"    {name}, {name} + 256, {multiplier}, {term}, {right}, {node.result.count},\n}};\n"
    )
    return Step(
        node=node,
        kernel="ts_add_tables_s8",
        headers=("add_tables.h",),
        tables=tables,
        call=f"ts_add_tables_s8(&ts_engine_layer_{number}, {{source0}}, {{source1}}, {{target}});",
        constant_bytes=2048 + STRUCT_BYTES["ts_add_tables"],
        in_place=in_place(node),
        reason="no linear form equals the reference for all pairs of codes: a table for each operand",
    )


def _is_flat(node: Sum) -> bool:
    """Tell whether two operands of one shape are added with no limits but those of int8."""
    shapes = {operand.shape for operand in node.operands}
    return len(shapes) == 1 and (node.clamp_min, node.clamp_max) == (-128, 127)


def _linear(node: Sum, order: tuple[int, int], linear: LinearSum) -> tuple[list[object], IntArray | None]:
    """The fields of `struct ts_add_linear` behind `constants`, and those."""
    first, second = (linear.factors[position] for position in order)
    constant = node.operands[order[1]].constant
    scaled = None if constant is None else constant.astype(int) * second
    return [linear.bias, first, second, node.clamp_min, node.clamp_max], scaled


def _exact(node: Sum, order: tuple[int, int], rounding: Rounding) -> tuple[list[object], IntArray | None]:
    """The fields of `struct ts_add` behind `constants`, and those."""
    multipliers, shifts = node.multipliers(rounding)
    constant = node.operands[order[1]].constant
    scaled = None if constant is None else node.scaled(order[1], constant, rounding)
    addends = [_addend(node, position, multipliers, shifts) for position in order]
    limits = (node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    return [*addends, multipliers[2], 31 - shifts[2], *limits], scaled


def _addend(node: Sum, position: int, multipliers: IntArray, shifts: IntArray) -> str:
    sign = node.sign if position else 1
    zero_point = node.operands[position].codes.zero_point
    return f"{{{multipliers[position]}, {31 - shifts[position]}, {zero_point}, {sign}}}"
