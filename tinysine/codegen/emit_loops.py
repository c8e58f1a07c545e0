"""C for layers computed by a loop: tables, and one call. firmware/engine/wide.h and plain.h say what they hold."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.plan import Kernel, LayerPlan
from tinysine.codegen.recipe import split_shift
from tinysine.codegen.text import table, word
from tinysine.quantization import Rounding

# The structures and the function of each kernel, and what turns four input codes, or one, from int8 to uint8.
NAMES = {
    Kernel.WIDE: ("struct ts_wide", "struct ts_channel", "ts_wide_s8", "0x80808080U"),
    Kernel.SPLIT: ("struct ts_plain", "struct ts_split_channel", "ts_plain_split_s8", "0x80"),
    Kernel.LONG: ("struct ts_plain", "struct ts_long_channel", "ts_plain_long_s8", "0x80"),
}


def emit_loop(i: int, plan: LayerPlan, *, rounding: Rounding, source: str, target: str) -> tuple[str, str]:
    """One layer.

    Args:
        i: its number, for the names of its tables.
        plan: the layer; its kernel is WIDE, SPLIT or LONG.
        rounding: which reference the answers equal.
        source, target: C expressions of the input and output bytes.
    Returns:
        (the tables, the statement that runs the layer).
    """
    layer = plan.layer
    layer_type, channel_type, function, flip = NAMES[plan.kernel]
    weights = _wide_words(plan) if plan.kernel is Kernel.WIDE else layer.weights.ravel()
    weight_type = "int32_t" if plan.kernel is Kernel.WIDE else "int8_t"
    limits = (layer.output.zero_point, layer.clamp_min, layer.clamp_max)
    offset, low, high = (limit - plan.output_offset for limit in limits)
    tables = (
        f"static const {weight_type} ts_engine_weights_{i}[] = {{\n{table(map(word, weights))}\n}};\n"
        f"static const {channel_type} ts_engine_channels_{i}[] = {{\n{table(_channels(plan, rounding))}\n}};\n"
        f"static const {layer_type} ts_engine_layer_{i} = {{\n"
        f"    ts_engine_weights_{i}, ts_engine_channels_{i}, {layer.inputs}, {layer.outputs},"
        f" {offset}, {low}, {high},\n}};\n"
    )
    mask = flip if source == "input" else "0"
    call = f"{function}(&ts_engine_layer_{i}, TS_ROUNDING_{rounding.name}, {source}, {mask}, {target});"
    return tables, call


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
    if plan.kernel is Kernel.SPLIT:
        return [
            f"{{{word(int(bias))}, {m & 0x7FF}, {m >> 11 & 0x7FF}, {m >> 22}, {split_shift(int(shift), rounding)}}}"
            for bias, m, shift, _ in rows
        ]
    return [f"{{{word(int(bias))}, {multiplier}, {right}}}" for bias, multiplier, _, right in rows]
