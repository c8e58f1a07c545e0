"""From a model to a plan: what is folded, which kernel runs each layer, where activations live."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.dense_lanes import (
    DenseLanes,
    find_lanes,
    lanes_cycles,
    scratch_bytes,
    wide_cycles,
)
from tinysine.codegen.recipe import Recipe, can_split, find_recipe
from tinysine.codegen.steps import DSP_CORES
from tinysine.graph import DenseChain, FullyConnected, accumulator_bounds
from tinysine.quantization import Rounding
from tinysine.settings import Optimize

# Sixteen inputs fill eight registers, two to a register; the other registers are needed for the row itself.
ROW_INPUTS = 16
# A layer of rows is unrolled; beyond this a loop costs less flash than the instructions it saves are worth.
ROW_LAYER_BYTES = 4096


class Kernel(StrEnum):
    """Kernel that computes one layer. Each is described in a header of firmware/engine/."""

    ROWS = "rows"  # rows.h: unrolled, inputs in registers
    LANES = "lanes"  # dense_lanes.h: a loop, eight rows at a time, two of them in a lane
    WIDE = "wide"  # wide.h: a loop, four rows at a time, 16-bit weights
    SPLIT = "split"  # plain.h: a loop, 8-bit weights, 32-bit products only
    LONG = "long"  # plain.h: the same with 64-bit products, for any layer
    COMPACT = "compact"  # compact.h: one loop for the whole network, constants without padding


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One layer, ready to be emitted.

    Attributes:
        layer: what it computes.
        kernel: how.
        bias: int32 [outputs], with the inputs' zero point and stored offset folded in.
        right_shift: int32 [outputs], 31 - shift.
        input_offset, output_offset: a code is stored less its offset: 0 for int8 as it is, the lower clamp
            for activations stored as uint8 from 0.
        recipes: for each output, the proved short requantisation; empty where one output has none.
        folded: whether each output goes straight into the accumulator of the next layer.
        in_registers: whether the outputs stay in registers.
        offset: of the outputs in the arena, bytes; None for the last layer, or when they need no memory.
        lanes: what the kernel LANES needs; None for all others.
        reason: why this kernel; empty where there is nothing to say.
        scratch: bytes that the kernel needs while it runs.
        scratch_offset: of them in the arena, a multiple of 4.
    """

    layer: FullyConnected
    kernel: Kernel
    bias: NDArray[np.int32]
    right_shift: NDArray[np.int32]
    input_offset: int
    output_offset: int
    recipes: tuple[Recipe, ...]
    folded: bool = False
    in_registers: bool = False
    offset: int | None = None
    lanes: DenseLanes | None = None
    reason: str = ""
    scratch: int = 0
    scratch_offset: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole network, ready to be emitted.

    Attributes:
        layers: in order.
        arena_bytes: planned for activations, and for the codes of an input that has to be converted.
        codes_offset: of those codes in the arena, bytes; None for an int8 input, and for a single value, which
            needs no memory.
        row_layer_bytes: beyond this a layer is a loop.
    """

    layers: tuple[LayerPlan, ...]
    arena_bytes: int
    codes_offset: int | None = None
    row_layer_bytes: int = ROW_LAYER_BYTES


def plan_network(model: DenseChain, *, rounding: Rounding, optimize: Optimize, core: str) -> Plan:
    """Fold the zero points, choose the kernels, place the activations.

    Args:
        model: the network, its multipliers proved for the rounding, so that no accumulator can leave int32.
        rounding: which reference the answers equal.
        optimize: "speed" or "size".
        core: as in Board.core. "host" gets the plan of a Cortex-M4, which runs there in plain C.
    """
    if optimize == "size":
        compact = _plan_compact(model, rounding)
        if compact is not None:
            return _place(compact, model)
    plans: list[LayerPlan] = []
    for i, layer in enumerate(model.layers):
        last = i == len(model.layers) - 1
        recipes = _recipes(layer, rounding, last=last)
        input_offset = plans[-1].output_offset if plans else 0
        draft = LayerPlan(
            layer=layer,
            kernel=Kernel.SPLIT if can_split(layer, rounding) else Kernel.LONG,
            bias=_folded_bias(layer, input_offset),
            right_shift=31 - layer.shift,
            input_offset=input_offset,
            output_offset=0 if last else layer.clamp_min,
            recipes=recipes,
        )
        if core in DSP_CORES and optimize == "speed":
            small = layer.inputs <= ROW_INPUTS and _row_layer_bytes(layer) <= ROW_LAYER_BYTES
            draft = replace(draft, kernel=Kernel.ROWS) if recipes and small else _fast_loop(draft, rounding)
        plans.append(draft)
    return _place(_shortcut(plans), model)


def plan_loop(layer: FullyConnected, rounding: Rounding, *, dsp: bool) -> LayerPlan:
    """Plan a layer by itself: a loop from int8 codes to int8 codes.

    Args:
        layer: with multipliers proved for the rounding.
        rounding: which reference the answers equal.
        dsp: whether dual multiply-accumulates are wanted, and there.
    """
    draft = LayerPlan(
        layer=layer,
        kernel=Kernel.SPLIT if can_split(layer, rounding) else Kernel.LONG,
        bias=_folded_bias(layer, 0),
        right_shift=31 - layer.shift,
        input_offset=0,
        output_offset=0,
        recipes=_recipes(layer, rounding, last=True) if dsp else (),
    )
    return _fast_loop(draft, rounding) if dsp else draft


def _fast_loop(draft: LayerPlan, rounding: Rounding) -> LayerPlan:
    """Choose among the loops with dual multiply-accumulates by their estimated cycles."""
    layer = draft.layer
    lanes = find_lanes(layer, rounding=rounding, output_offset=draft.output_offset)
    wide, narrow = wide_cycles(layer), lanes_cycles(layer)
    if isinstance(lanes, DenseLanes) and (narrow < wide or not draft.recipes):
        reason = f"two rows of weights in a lane: estimated at {narrow:,.0f} cycles"
        reason += f", four rows of 16-bit weights at {wide:,.0f}" if draft.recipes else ""
        return replace(draft, kernel=Kernel.LANES, lanes=lanes, scratch=scratch_bytes(layer), reason=reason)
    if not draft.recipes:
        return replace(
            draft, kernel=Kernel.LONG, reason=f"plain C: no short requantisation is exact, {lanes}"
        )
    unfit = lanes if isinstance(lanes, str) else f"two rows in a lane at {narrow:,.0f}"
    return replace(draft, kernel=Kernel.WIDE, reason=f"four rows: estimated at {wide:,.0f} cycles; {unfit}")


def _plan_compact(model: DenseChain, rounding: Rounding) -> list[LayerPlan] | None:
    """All layers in the smallest form, or None where one row does not fit it."""
    plans = []
    for layer in model.layers:
        # Codes stay as they are, and the clamp is one of its own: the form of a last layer.
        recipes = _recipes(layer, rounding, last=True)
        if not recipes:
            return None
        plans.append(
            LayerPlan(
                layer=layer,
                kernel=Kernel.COMPACT,
                bias=_folded_bias(layer, 0),
                right_shift=31 - layer.shift,
                input_offset=0,
                output_offset=0,
                recipes=recipes,
            )
        )
    return plans


def _recipes(layer: FullyConnected, rounding: Rounding, *, last: bool) -> tuple[Recipe, ...]:
    """One for each row, or none at all."""
    bounds = zip(*accumulator_bounds(layer), strict=True)
    found = [
        find_recipe(layer, channel, (int(low), int(high)), rounding=rounding, last=last)
        for channel, (low, high) in enumerate(bounds)
    ]
    return tuple(recipe for recipe in found if recipe is not None) if None not in found else ()


def _folded_bias(layer: FullyConnected, input_offset: int) -> NDArray[np.int32]:
    weights = layer.weights.astype(np.int64)
    folded: NDArray[np.int64] = layer.bias + (input_offset - layer.input.zero_point) * weights.sum(axis=1)
    return folded.astype(np.int32)


def _row_layer_bytes(layer: FullyConnected) -> int:
    # A row reads its bias, its weight pairs, multiplier and term, one word each; it takes an instruction of
    # four bytes for each pair and about ten for the rest.
    pairs = (layer.inputs + 1) // 2
    return layer.outputs * 4 * ((pairs + 3) + (pairs + 10))


def _shortcut(drafts: list[LayerPlan]) -> list[LayerPlan]:
    """Spare memory where registers can hold the codes, or the next accumulator takes them at once."""
    plans = list(drafts)
    for i, (plan, following) in enumerate(itertools.pairwise(drafts)):
        if plan.kernel is not Kernel.ROWS or following.kernel is not Kernel.ROWS:
            continue
        if following.layer.outputs == 1 and i + 2 == len(drafts):
            plans[i] = replace(plan, folded=True)
        elif plan.layer.inputs == 1:
            plans[i] = replace(plan, in_registers=True)
    return plans


def _place(drafts: list[LayerPlan], model: DenseChain) -> Plan:
    """Two buffers that grow toward each other: one layer's outputs from the front, the next's from behind.

    The first of them are the codes of the input, where the model has another dtype on the outside.
    """
    codes = model.input.count if model.input.dtype != np.int8 and model.input.count > 1 else 0
    kept = [0 if plan.folded or plan.in_registers else plan.layer.outputs for plan in drafts[:-1]]
    sizes = [codes, *kept, 0]
    ends = list(itertools.pairwise(sizes))
    # Scratch lies between a layer's inputs and outputs, from a multiple of four on.
    fronts = [outputs if i % 2 == 0 else inputs for i, (inputs, outputs) in enumerate(ends)]
    scratch_offsets = [
        -(-front // 4) * 4 if plan.scratch else front for plan, front in zip(drafts, fronts, strict=True)
    ]
    needs = [
        at + plan.scratch + inputs + outputs - front
        for plan, at, front, (inputs, outputs) in zip(drafts, scratch_offsets, fronts, ends, strict=True)
    ]
    arena_bytes = max(needs)
    offsets = [None if size == 0 else 0 if i % 2 else arena_bytes - size for i, size in enumerate(sizes)]
    placed = [
        replace(plan, offset=offset, scratch_offset=at)
        for plan, offset, at in zip(drafts, offsets[1:], scratch_offsets, strict=True)
    ]
    return Plan(layers=tuple(placed), arena_bytes=arena_bytes, codes_offset=offsets[0])
