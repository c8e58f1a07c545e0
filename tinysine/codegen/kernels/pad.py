"""PAD and PADV2: firmware/engine/blocks.h."""

from __future__ import annotations

import math

from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import table
from tinysine.graph.padding import MAX_RANK, Pad


def plan(node: Pad, number: int, target: Target) -> Step:
    """Fill the result, then copy the source inside."""
    del target
    rank = len(node.source.shape)
    steps = [math.prod(node.result.shape[dim + 1 :]) for dim in range(rank)]
    before = sum(count * step for count, step in zip(node.before, steps, strict=True))
    row, counts, steps = _together(list(node.source.shape), steps)
    missing = MAX_RANK - 1 - len(counts)
    fields = [
        "{" + ", ".join(map(str, [1] * missing + counts)) + "}",
        "{" + ", ".join(map(str, [0] * missing + steps)) + "}",
        *(row, before, node.result.count, node.code),
    ]
    return Step(
        node=node,
        kernel="ts_pad_s8",
        headers=("blocks.h",),
        tables=f"static const TS_FLASH struct ts_pad ts_engine_layer_{number} = {{\n{table(fields)},\n}};\n",
        call=f"ts_pad_s8(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=40,
        reason="plain C",
    )


def _together(counts: list[int], steps: list[int]) -> tuple[int, list[int], list[int]]:
    """Return how many codes lie together in source and result alike, and the dimensions around them."""
    row = 1
    while counts and steps[-1] == row:
        row *= counts.pop()
        steps.pop()
    return row, counts, steps
