"""C for layers computed by a loop: tables and a call. The headers of firmware/engine say what they hold."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.dense_lanes import DenseLanes, lane_words
from tinysine.codegen.plan import Kernel, LayerPlan
from tinysine.codegen.recipe import split_shift
from tinysine.codegen.steps import STRUCT_BYTES
from tinysine.codegen.text import table, word
from tinysine.quantization import Rounding

FUNCTIONS = {
    Kernel.LANES: "ts_dense_lanes",
    Kernel.WIDE: "ts_wide",
    Kernel.SPLIT: "ts_plain_split",
    Kernel.LONG: "ts_plain_long",
}
"""The start of the names of each kernel's functions."""
_STRUCTURES = {
    Kernel.WIDE: ("struct ts_wide", "struct ts_wide_channel"),
    Kernel.SPLIT: ("struct ts_plain", "struct ts_split_channel"),
    Kernel.LONG: ("struct ts_plain", "struct ts_long_channel"),
}


def emit_loop(
    i: int, plan: LayerPlan, *, rounding: Rounding, source: str, target: str, scratch: str, signed: bool
) -> tuple[str, str, int]:
    """One layer.

    Args:
        i: its number, for the names of its tables.
        plan: the layer; its kernel is LANES, WIDE, SPLIT or LONG.
        rounding: which reference the answers equal.
        source, target: C expressions of the input and output bytes.
        scratch: C expression of the kernel's memory, aligned to four bytes; used where the plan asks for some.
        signed: the inputs are int8 codes; else they are stored from 0.
    Returns:
        (the tables, the statement that runs the layer, the bytes of the tables on a 32-bit core).
    """
    layer = plan.layer
    if plan.lanes is not None:
        return _emit_lanes(i, plan, plan.lanes, f"{source}, {target}, {scratch}", signed=signed)
    layer_type, channel_type = _STRUCTURES[plan.kernel]
    wide = plan.kernel is Kernel.WIDE
    weights = _wide_words(plan) if wide else [int(weight) + 128 for weight in layer.weights.flat]
    weight_type = "int32_t" if wide else "uint8_t"
    where = "" if wide else "TS_FLASH "  # cores with the wide kernel have one address space
    limits = (layer.output.zero_point, layer.clamp_min, layer.clamp_max)
    offset, low, high = (limit - plan.output_offset for limit in limits)
    channels = table(_channels(plan, rounding))
    tables = (
        f"static const {where}{weight_type} ts_engine_weights_{i}[] = {{\n{table(map(word, weights))}\n}};\n"
        f"static const {where}{channel_type} ts_engine_channels_{i}[] = {{\n{channels}\n}};\n"
        f"static const {where}{layer_type} ts_engine_layer_{i} = {{\n"
        f"    ts_engine_weights_{i}, ts_engine_channels_{i}, {layer.inputs}, {layer.outputs},"
        f" {offset}, {low}, {high},\n}};\n"
    )
    suffix = "s8" if signed else "u8"
    call = f"{FUNCTIONS[plan.kernel]}_{suffix}(&ts_engine_layer_{i}, {source}, {target});"
    size = (4 if wide else 1) * len(weights) + 12 * layer.outputs + (20 if wide else 24)
    return tables, call, size


def _emit_lanes(
    i: int, plan: LayerPlan, lanes: DenseLanes, arguments: str, *, signed: bool
) -> tuple[str, str, int]:
    layer = plan.layer
    words = lane_words(lanes, plan.bias.astype(np.int64))
    limits = (
        layer.clamp_min - lanes.base,
        layer.clamp_max - lanes.base,
        0x80 if plan.output_offset == 0 else 0,
    )
    tables = (
        f"static const int32_t ts_engine_weights_{i}[] = {{\n{table(map(word, words))}\n}};\n"
        f"static const struct ts_dense_lanes ts_engine_layer_{i} = {{\n"
        f"    ts_engine_weights_{i}, {layer.inputs}, {layer.outputs}, {', '.join(map(str, limits))},\n}};\n"
    )
    suffix = "s8" if signed else "u8"
    call = f"ts_dense_lanes_{suffix}(&ts_engine_layer_{i}, {arguments});"
    return tables, call, 4 * len(words) + STRUCT_BYTES["ts_dense_lanes"]


def _wide_words(plan: LayerPlan) -> list[int]:
    """Weights in the order of wide.h, two int16 to a word."""
    weights = plan.layer.weights.astype(np.int16)
    rows, inputs = weights.shape
    padded = np.zeros((rows, -(-inputs // 4) * 4), np.int16)
    padded[:, :inputs] = weights
    # [rows, groups of four inputs, 4]: even inputs first, then odd ones
    grouped = padded.reshape(rows, -1, 4)[:, :, [0, 2, 1, 3]]
    whole = rows // 4 * 4
    blocks = grouped[:whole].reshape(-1, 4, grouped.shape[1], 4).transpose(0, 2, 1, 3)
    flat = np.concatenate([blocks.ravel(), grouped[whole:].ravel()])
    return [int(value) for value in np.ascontiguousarray(flat).view("<i4")]


def _channels(plan: LayerPlan, rounding: Rounding) -> list[str]:
    layer = plan.layer
    rows = zip(plan.bias, layer.multiplier, layer.shift, plan.right_shift, strict=True)
    if plan.kernel is Kernel.WIDE:
        short = zip(plan.bias, plan.recipes, strict=True)
        return [f"{{{word(int(bias))}, {recipe.multiplier}, {recipe.shift - 1}}}" for bias, recipe in short]
    if plan.kernel is Kernel.SPLIT:
        return [
            f"{{{word(int(bias))}, {m & 0x7FF}, {m >> 11 & 0x7FF}, {m >> 22},"
            f" {split_shift(int(shift), rounding)}}}"
            for bias, m, shift, _ in rows
        ]
    return [f"{{{word(int(bias))}, {multiplier}, {right}}}" for bias, multiplier, _, right in rows]
