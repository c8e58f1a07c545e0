"""A generated engine: its C, and what reports say of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinysine.codegen.plan import Plan
    from tinysine.codegen.prune import PrunedNeuron
    from tinysine.codegen.prune_graph import PrunedChannels


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
