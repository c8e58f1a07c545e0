"""The one call of this room: a model in, the C of its engine out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinysine.codegen.answers import check_answers, emit_answers
from tinysine.codegen.emit import emit_engine
from tinysine.codegen.engine import EngineLayer, GeneratedEngine
from tinysine.codegen.plan import plan_network
from tinysine.codegen.steps import Room, Target
from tinysine.errors import ConfigError
from tinysine.graph import DenseChain, Graph, Network, with_rounding
from tinysine.quantization import Rounding
from tinysine.settings import Optimize

if TYPE_CHECKING:
    from tinysine.codegen.prune import PrunedNeuron


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
    from tinysine.codegen.graph_engine import generate_graph  # noqa: PLC0415  # brings every kernel with it

    return generate_graph(model, target, prune=prune, flags=flags)


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
        from tinysine.codegen.prune import prune_constant_neurons  # noqa: PLC0415  # brings every operator with it

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
