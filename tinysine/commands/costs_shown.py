"""`tinysine build --report`: where the instructions and the bytes go, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinysine.errors import ConfigError

if TYPE_CHECKING:
    from tinysine.codegen import GeneratedEngine
    from tinysine.graph import Network
    from tinysine.image import Image
    from tinysine.profiling import LayerCost

HEADINGS = ["layer", "MACs", "instructions", "floor", "ratio", "est. cycles", "constants", "code", "scratch"]


def show_costs(model: Network, image: Image, engine: GeneratedEngine) -> None:
    """Print the cost model of an image: measured by tracing one inference.

    Raises:
        ConfigError: the board's core is none that can be traced.
    """
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.profiling import layer_costs  # noqa: PLC0415

    if not image.board.core.startswith("cortex-m"):
        raise ConfigError(
            f"no report for {image.board.name}: instructions are counted on Cortex-M cores only",
            hint="build for another board",
            key="report",
        )
    costs = layer_costs(model, engine, image)
    made = "as a table" if image.optimize == "table" else f"for {image.optimize}"
    title = f"one inference on {image.board.name}, {made}, bytes and instructions"
    rows = [[cost.name, *_figures(cost)] for cost in (*costs, _sum(costs))]
    table(title, HEADINGS, rows, right=list(range(1, len(HEADINGS))))
    for number, layer in enumerate(engine.layers):
        if layer.reason:
            say(f"layer {number}: {layer.reason}")
    for part in engine.pruned:
        say(f"pruned: {part}")
    if image.prune and not engine.pruned:
        say("pruned: nothing, for nothing is proved constant")
    elif image.prune and engine.plan is None:
        before, after = (
            model.multiply_accumulates,
            sum(layer.multiply_accumulates for layer in engine.layers),
        )
        say(f"multiply-accumulates: {after:,}, {before:,} without --prune ({1 - after / before:.0%} fewer)")
    say(
        "floor: multiply-accumulates / 2 + 2 for each output; a layer of 0 instructions is folded into the one before; "
        "the count of verify includes the call and the return; cycles are an estimate for memory without wait states"
    )
    if image.optimize == "table":
        say("the table was made of the answers of the reference's integers to each of the 256 inputs")
        return
    if engine.plan is None:
        arena, bound = engine.arena_bytes, engine.arena_bound_bytes
        say(f"arena: {arena:,} bytes; the largest sum of what is alive at once: {bound:,}")
        return
    say(f"unrolled up to {engine.plan.row_layer_bytes:,} bytes a layer and 16 inputs, beyond that a loop")


def _sum(costs: Sequence[LayerCost]) -> LayerCost:
    from tinysine.profiling import LayerCost  # noqa: PLC0415

    def total(field: str) -> int:
        return sum(getattr(cost, field) or 0 for cost in costs)

    estimates = [cost.estimated_cycles for cost in costs if cost.estimated_cycles is not None]

    return LayerCost(
        name="all",
        multiply_accumulates=total("multiply_accumulates"),
        instructions=total("instructions"),
        constant_bytes=total("constant_bytes"),
        code_bytes=total("code_bytes"),
        scratch_bytes=max((cost.scratch_bytes for cost in costs), default=0),
        floor=total("floor"),
        estimated_cycles=sum(estimates) if estimates else None,
    )


def _figures(cost: LayerCost) -> list[str]:
    floor = cost.floor
    ratio = f"{cost.instructions / floor:.2f}" if floor and cost.instructions else ""
    counts = [
        f"{cost.multiply_accumulates:,}",
        f"{cost.instructions:,}",
        "" if floor is None else f"{floor:,}",
        ratio,
        "" if cost.estimated_cycles is None else f"{cost.estimated_cycles:,.0f}",
    ]
    return [*counts, *(f"{size:,}" for size in (cost.constant_bytes, cost.code_bytes, cost.scratch_bytes))]
