"""Parts that the kernels of AVERAGE_POOL_2D and MAX_POOL_2D share: firmware/engine/pool.h."""

from __future__ import annotations

from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table
from tinysine.graph.pooling import Pool


def pool_step(node: Pool, number: int, *, kernel: str, reason: str) -> Step:
    """Run a function of pool.h on one layer."""
    window = node.window
    fields = [
        *node.source.shape,
        *window.output,
        *window.before,
        *window.kernel,
        *window.stride,
        node.clamp_min,
        node.clamp_max,
    ]
    tables = f"static const TS_FLASH struct ts_pool ts_engine_layer_{number} = {{\n{table(fields)},\n}};\n"
    return Step(
        node=node,
        kernel=kernel,
        headers=("pool_wide.h" if "_wide_" in kernel else "pool.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=STRUCT_BYTES["ts_pool"],
        reason=reason,
    )
