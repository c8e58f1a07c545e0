"""QUANTIZE: firmware/include/tinysine/quantize.h."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.kernels import lookup
from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import float32
from tinysine.graph.lookup import Lookup
from tinysine.graph.operators.quantize import Quantize


def plan(node: Quantize | Lookup, number: int, target: Target) -> Step:
    """Convert one by one."""
    if isinstance(node, Lookup):
        return lookup.plan(node, number, target)
    q = node.result.codes
    if node.source.dtype == np.float32:
        scale = float32(q.scale)
        code = f"ts_quantize_f32({{source0}}[i], {scale}, {q.zero_point}, -128, 127)"
        statement = f"{{target}}[i] = (int8_t){code};"
        kernel = "ts_quantize_f32"
    else:
        kind = "int8_t" if node.result.dtype == np.int8 else "uint8_t"
        statement = f"{{target}}[i] = ({kind})({{source0}}[i] ^ 0x80);"
        kernel = "flip"
    call = f"for (unsigned i = 0; i < {node.source.count}; i++) {{{{\n    {statement}\n}}}}"
    return Step(node=node, kernel=kernel, call=call, in_place=node.source.dtype != np.float32)
