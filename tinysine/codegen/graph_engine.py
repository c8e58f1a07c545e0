"""The engine of a graph: kernels chosen, values placed, C emitted."""

from __future__ import annotations

from tinysine.codegen.choose import choose_steps
from tinysine.codegen.emit_graph import emit_graph
from tinysine.codegen.engine import EngineLayer, GeneratedEngine
from tinysine.codegen.place import place
from tinysine.codegen.prune_graph import PrunedChannels, prune_graph
from tinysine.codegen.steps import Target
from tinysine.graph import Graph, graph_with_rounding


def generate_graph(model: Graph, target: Target, *, prune: bool, flags: list[str]) -> GeneratedEngine:
    """Generate the engine of a graph; see `generate`.

    Args:
        flags: what the description says of the build.
    """
    model = graph_with_rounding(model, target.rounding)
    pruned: tuple[PrunedChannels, ...] = ()
    if prune:
        model, pruned = prune_graph(model, target.rounding)
    steps = choose_steps(model, target)
    placement = place(model, steps)
    layers = tuple(
        EngineLayer(
            name=f"{step.node.operator}, {step.kernel or 'nothing to do'}",
            multiply_accumulates=step.node.multiply_accumulates,
            outputs=step.node.result.count,
            constant_bytes=step.constant_bytes,
            scratch_bytes=step.scratch_bytes,
            reason=step.reason,
            operator=step.node.operator,
            kernel=step.kernel,
        )
        for step in steps
    )
    source = emit_graph(model, steps, placement, target=target, flags=flags)
    return GeneratedEngine(source, layers, placement.arena_bytes, placement.bound_bytes, None, pruned)
