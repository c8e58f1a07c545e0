"""The one call of this room: a model in, the C of its engine out."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.codegen.emit import emit_engine
from tinysine.codegen.plan import Optimize, Plan, plan_network
from tinysine.codegen.prune import PrunedNeuron, prune_constant_neurons
from tinysine.graph import Network, with_rounding
from tinysine.quantization import Rounding


@dataclass(frozen=True, eq=False)
class GeneratedEngine:
    """An engine for exactly one model.

    Attributes:
        source: text of the C file that defines everything in firmware/include/tinysine/engine.h.
        constant_bytes: in flash, of each layer.
        plan: what was proved and decided on the way.
        pruned: the neurons that were proved constant and folded away.
    """

    source: str
    constant_bytes: tuple[int, ...]
    plan: Plan
    pruned: tuple[PrunedNeuron, ...]


def generate(
    model: Network, *, rounding: Rounding, optimize: Optimize = "speed", prune: bool = False, core: str
) -> GeneratedEngine:
    """Generate the engine of a model.

    Args:
        model: the network.
        rounding: which reference the answers equal.
        optimize: "speed" or "size".
        prune: fold neurons proved constant into the next bias.
        core: as in Board.core.
    Raises:
        ModelError: an accumulator that could overflow, or multipliers that cannot equal the reference
            everywhere.
        ConfigError: prune, where the inputs are too many to prove anything.
    """
    model = with_rounding(model, rounding)
    pruned: tuple[PrunedNeuron, ...] = ()
    if prune:
        model, pruned = prune_constant_neurons(model, rounding)
    plan = plan_network(model, rounding=rounding, optimize=optimize, core=core)
    flags = [name for name, on in (("TS_FLAG_PRUNED", prune), ("TS_FLAG_SIZE", optimize == "size")) if on]
    emitted = emit_engine(model, plan, rounding=rounding, flags=flags)
    return GeneratedEngine(emitted.source, emitted.constant_bytes, plan, pruned)
