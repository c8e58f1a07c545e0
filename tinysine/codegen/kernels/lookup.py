"""Operators that make one code of one code: firmware/engine/lookup.h."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import table
from tinysine.graph.lookup import Lookup


def plan(node: Lookup, number: int, target: Target) -> Step:
    """Look every code up in the table of the reference."""
    answers = node.table(target.rounding).view(np.uint8)
    if node.source.dtype == np.int8:
        answers = np.roll(answers, 128)  # the byte 0 is the code 0, not the least
    return Step(
        node=node,
        kernel="ts_lookup",
        headers=("lookup.h",),
        tables=f"static const TS_FLASH uint8_t ts_engine_answers_{number}[256] = {{\n{table(answers)}\n}};\n",
        call=(
            f"ts_lookup(ts_engine_answers_{number}, (const uint8_t *){{source0}}, (uint8_t *){{target}}, "
            f"{node.source.count});"
        ),
        constant_bytes=256,
        in_place=True,
    )
