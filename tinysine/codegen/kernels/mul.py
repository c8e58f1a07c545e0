"""MUL: which kernel of firmware/engine/mul.h runs it."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.kernels.pairs import in_place, walk
from tinysine.codegen.steps import STRUCT_BYTES, Step, Target
from tinysine.codegen.text import table
from tinysine.graph.operators.mul import Product


def plan(node: Product, number: int, target: Target) -> Step:
    """Choose the kernel of one product."""
    multiplier, shift = node.multiplier(target.rounding)
    first, second = node.operands
    tables, constants, size = "", "0", 0
    if second.constant is not None:
        centred = second.constant.astype(np.int16) - second.codes.zero_point
        tables = (
            f"static const TS_FLASH int16_t ts_engine_constants_{number}[] = {{\n{table(centred.flat)}\n}};\n"
        )
        constants, size = f"ts_engine_constants_{number}", 2 * centred.size
    fields = [
        *(walk(node), constants, multiplier, 31 - shift),
        *(first.codes.zero_point, second.codes.zero_point, node.result.codes.zero_point),
        *(node.clamp_min, node.clamp_max),
    ]
    tables += f"static const TS_FLASH struct ts_mul ts_engine_layer_{number} = {{\n{table(fields)},\n}};\n"
    kernel = "ts_mul_s8" if second.constant is None else "ts_mul_constants_s8"
    sources = ", ".join(f"{{source{i}}}" for i in range(len(node.sources)))
    return Step(
        node=node,
        kernel=kernel,
        headers=("mul.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {sources}, {{target}});",
        constant_bytes=size + STRUCT_BYTES["ts_mul"],
        in_place=in_place(node),
        reason="plain C",
    )
