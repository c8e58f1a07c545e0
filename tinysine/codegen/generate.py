"""The one call of this room: a model in, the C of its engine out."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.codegen.answers import check_answers, emit_answers
from tinysine.codegen.choose import choose_steps
from tinysine.codegen.emit import emit_engine
from tinysine.codegen.emit_graph import emit_graph
from tinysine.codegen.place import place
from tinysine.codegen.plan import Plan, plan_network
from tinysine.codegen.prune import PrunedNeuron, prune_constant_neurons
from tinysine.codegen.prune_graph import PrunedChannels, prune_graph
from tinysine.codegen.steps import Room, Target
from tinysine.errors import ConfigError
from tinysine.graph import DenseChain, Graph, Network, graph_with_rounding, with_rounding
from tinysine.quantization import Rounding
from tinysine.settings import Optimize


@dataclass(frozen=True)
class EngineLayer:
    """One layer of a generated engine, for reports.

    Attributes:
        name: its shape or operator, and the kernel that runs it.
        multiply_accumulates: of one inference.
        outputs: elements that it makes.
        constant_bytes: in flash.
        scratch_bytes: in the arena: for its outputs, and for the kernel while it runs.
        reason: why this kernel; empty where there is nothing to say.
        operator: of a graph, as the schema calls it; empty for a chain of dense layers.
        kernel: of a graph, the function that runs it; empty where nothing runs.
    """

    name: str
    multiply_accumulates: int
    outputs: int
    constant_bytes: int
    scratch_bytes: int
    reason: str = ""
    operator: str = ""
    kernel: str = ""


@dataclass(frozen=True, eq=False)
class GeneratedEngine:
    """An engine for exactly one model.

    Attributes:
        source: text of the C file that defines everything in firmware/include/tinysine/engine.h.
        layers: in the order in which they run; a comment `layer N` starts each in the source.
        arena_bytes: for activations and scratch.
        arena_bound_bytes: the largest sum of what is alive at once: no arena can be smaller.
        plan: of a chain of dense layers, what was proved and decided on the way; None for a graph.
        pruned: the neurons of a chain, or the channels of a graph, that were proved constant and folded away.
    """

    source: str
    layers: tuple[EngineLayer, ...]
    arena_bytes: int
    arena_bound_bytes: int
    plan: Plan | None
    pruned: tuple[PrunedNeuron, ...] | tuple[PrunedChannels, ...]

    @property
    def constant_bytes(self) -> tuple[int, ...]:
        """In flash, of each layer."""
        return tuple(layer.constant_bytes for layer in self.layers)


def generate(
    model: Network,
    *,
    rounding: Rounding,
    optimize: Optimize = "speed",
    prune: bool = False,
    core: str,
    room: Room | None = None,
) -> GeneratedEngine:
    """Generate the engine of a model.

    Args:
        model: the network.
        rounding: which reference the answers equal.
        optimize: "speed", "size", or "table": all answers of a network whose input is one value of 8 bits.
        prune: fold neurons or channels proved constant into the next bias.
        core: as in Board.core.
        room: what the board has for it; None where that is not known, for which kernels are chosen that take little.
    Raises:
        ModelError: an accumulator that could overflow, or multipliers that cannot equal the reference
            everywhere.
        ConfigError: "table", where the inputs are too many for one.
    """
    if optimize == "table":
        return _table_engine(model, rounding, prune=prune)
    flags = [name for name, on in (("TS_FLAG_PRUNED", prune), ("TS_FLAG_SIZE", optimize == "size")) if on]
    target = Target(core=core, optimize=optimize, rounding=rounding, room=room)
    if isinstance(model, DenseChain):
        return _chain_engine(model, target, prune=prune, flags=flags)
    assert isinstance(model, Graph)
    return _graph_engine(model, target, prune=prune, flags=flags)


def _table_engine(model: Network, rounding: Rounding, *, prune: bool) -> GeneratedEngine:
    if prune:
        raise ConfigError("a table of answers has no neurons to prune", hint="leave --prune out", key="prune")
    check_answers(model)
    source, constant_bytes = emit_answers(model, rounding)
    layer = EngineLayer(
        name="table of 256 answers",
        multiply_accumulates=0,
        outputs=sum(tensor.count for tensor in model.outputs),
        constant_bytes=constant_bytes,
        scratch_bytes=0,
        reason="the input is one value of 8 bits",
    )
    return GeneratedEngine(source, (layer,), 0, 0, None, ())


def _chain_engine(model: DenseChain, target: Target, *, prune: bool, flags: list[str]) -> GeneratedEngine:
    rounding = target.rounding
    model = with_rounding(model, rounding)
    pruned: tuple[PrunedNeuron, ...] = ()
    if prune:
        model, pruned = prune_constant_neurons(model, rounding)
    plan = plan_network(model, rounding=rounding, optimize=target.optimize, core=target.core)
    emitted = emit_engine(model, plan, rounding=rounding, flags=flags)
    layers = tuple(
        EngineLayer(
            name=f"{planned.layer.inputs} -> {planned.layer.outputs}, {planned.kernel}",
            multiply_accumulates=planned.layer.weights.size,
            outputs=planned.layer.outputs,
            constant_bytes=size,
            scratch_bytes=(planned.layer.outputs if planned.offset is not None else 0) + planned.scratch,
            reason=planned.reason,
        )
        for planned, size in zip(plan.layers, emitted.constant_bytes, strict=True)
    )
    return GeneratedEngine(emitted.source, layers, plan.arena_bytes, plan.arena_bytes, plan, pruned)


def _graph_engine(model: Graph, target: Target, *, prune: bool, flags: list[str]) -> GeneratedEngine:
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
