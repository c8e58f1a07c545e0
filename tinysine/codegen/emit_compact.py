"""C for the smallest engine: firmware/engine/compact.h says what the bytes mean."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.packed_multiplier import pack_multipliers
from tinysine.codegen.plan import LayerPlan, Plan
from tinysine.codegen.text import layer_comment, table
from tinysine.quantization import Rounding


def emit_compact(plan: Plan, rounding: Rounding) -> tuple[list[str], list[int]]:
    """The stream of constants, and `ts_engine_run`, which reads it once for each inference."""
    wide = any(not -(2**15) <= int(bias) < 2**15 for layer in plan.layers for bias in layer.bias)
    limited = any((layer.layer.clamp_min, layer.layer.clamp_max) != (-128, 127) for layer in plan.layers)
    packed = [_packed(layer, rounding) for layer in plan.layers]
    whole = any(
        words is None for words in packed
    )  # one row without a packed word: all keep shifts of their own
    streams = [
        _layer_bytes(layer, None if whole else words, wide=wide, limited=limited)
        for layer, words in zip(plan.layers, packed, strict=True)
    ]
    names = ["input", *(f"ts_engine_arena + {layer.offset}" for layer in plan.layers[:-1]), "output"]
    ends = [f"(const int8_t *)({name})" for name in names[:-1]], [f"(int8_t *)({name})" for name in names[1:]]
    calls = [f"p = ts_engine_layer(p, {source}, {target});" for source, target in zip(*ends, strict=True)]
    calls[-1] = calls[-1].removeprefix("p = ").replace("ts_engine_layer", "(void)ts_engine_layer", 1)
    lines = [
        f"{_comment(i, layer)}\n    {call}"
        for i, (layer, call) in enumerate(zip(plan.layers, calls, strict=True))
    ]
    body = "\n    ".join(["const TS_FLASH uint8_t *p = ts_engine_stream;", *lines])
    text = f"""\
#define TS_COMPACT_BIAS   {"int32_t" if wide else "int16_t"}
#define TS_COMPACT_LIMITS {int(limited)}
#define TS_COMPACT_PACKED {int(not whole)}
#include "engine/compact.h"

static const TS_FLASH uint8_t ts_engine_stream[] = {{
{table(b"".join(streams))}
}};

static void ts_engine_run(const uint8_t *input, uint8_t *output) {{
    {body}
}}
"""
    return [text], [len(stream) for stream in streams]


def _packed(plan: LayerPlan, rounding: Rounding) -> NDArray[np.int32] | None:
    shifts = np.array([recipe.shift - 1 for recipe in plan.recipes], np.int32)
    return pack_multipliers(plan.layer, shifts, rounding)


def _layer_bytes(plan: LayerPlan, packed: NDArray[np.int32] | None, *, wide: bool, limited: bool) -> bytes:
    layer = plan.layer
    bias = "<i" if wide else "<h"
    parts = [struct.pack("<HHb", layer.inputs, layer.outputs, layer.output.zero_point)]
    if limited:
        parts.append(struct.pack("<bb", layer.clamp_min, layer.clamp_max))
    for channel, recipe in enumerate(plan.recipes):
        parts.append(struct.pack(bias, plan.bias[channel]))
        if packed is None:
            parts.append(struct.pack("<iB", recipe.multiplier, recipe.shift - 1))
        else:
            parts.append(struct.pack("<i", packed[channel]))
        parts.append(layer.weights[channel].tobytes())
    return b"".join(parts)


def _comment(number: int, plan: LayerPlan) -> str:
    layer = plan.layer
    return layer_comment(number, f"{layer.inputs} -> {layer.outputs}, {plan.kernel}", layer.name)
