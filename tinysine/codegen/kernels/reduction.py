"""Parts that the kernels of MEAN and REDUCE_MAX share: firmware/engine/reduce.h."""

from __future__ import annotations

from tinysine.codegen.steps import Step
from tinysine.graph.reduction import Reduction

_DEPTH = 3  # of six dimensions, neighbours of one kind taken together


def reduction_step(
    node: Reduction, number: int, *, kernel: str, more: str = "", extra_bytes: int = 0
) -> Step:
    """Run a function of reduce.h on one layer.

    Args:
        node: what it computes.
        number: of the node.
        kernel: the function.
        more: what the call has beside the layer, with a comma in front.
        extra_bytes: of constants beside the layer.
    """
    kept, reduced = loops_of(node)
    fields = ", ".join(_loops(part) for part in (kept, reduced))
    tables = f"static const TS_FLASH struct ts_reduction ts_engine_layer_{number} = {{{fields}}};\n"
    return Step(
        node=node,
        kernel=kernel,
        headers=("reduce.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}}{more});",
        constant_bytes=2 * 8 * _DEPTH + extra_bytes,
    )


def loops_of(node: Reduction) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the loops over what is kept, and over what is reduced, from the outermost: (count, step in elements)."""
    loops: list[tuple[bool, int, int]] = []
    step = 1
    for axis in reversed(range(len(node.source.shape))):
        size, reduced = node.source.shape[axis], axis in node.axes
        if size > 1:
            if loops and loops[0][0] == reduced:
                loops[0] = (reduced, loops[0][1] * size, loops[0][2])
            else:
                loops.insert(0, (reduced, size, step))
        step *= size
    both = [[(count, apart) for kind, count, apart in loops if kind == reduced] for reduced in (False, True)]
    kept, gone = ([(1, 0)] * (_DEPTH - len(part)) + part for part in both)
    return kept, gone


def _loops(loops: list[tuple[int, int]]) -> str:
    return "{" + ", ".join(f"{{{count}, {apart}}}" for count, apart in loops) + "}"
