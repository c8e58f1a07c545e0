"""From a plan to the text of one C file that defines everything in firmware/include/tinysine/engine.h."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import numpy as np

from tinysine.codegen.plan import Plan
from tinysine.model import Model, Tensor
from tinysine.quantization import Rounding

DTYPE_NAMES = {"float32": "TS_FLOAT32", "uint8": "TS_UINT8", "int8": "TS_INT8"}


def c_table(values: Iterable[object]) -> str:
    """Comma-separated initialisers, folded to the width of the page."""
    return textwrap.fill(", ".join(map(str, values)), 110, initial_indent="    ", subsequent_indent="    ")


def c_float(value: float) -> str:
    """A float32 as a C literal that reads back to the same bits."""
    return f"{float(np.float32(value)).hex()}F"


def c_tensor(tensor: Tensor) -> str:
    """The initialiser of a `struct ts_tensor`."""
    q = tensor.quantization
    scale, zero_point = (c_float(q.scale), q.zero_point) if q else ("0", 0)
    return (
        f"{{.scale = {scale}, .zero_point = {zero_point}, .count = {tensor.count},"
        f" .dtype = {DTYPE_NAMES[tensor.dtype.name]}}}"
    )


def c_description(model: Model, *, rounding: Rounding, name: str, flags: str) -> str:
    """The definition of `ts_engine`."""
    digest = c_table(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256))
    return f"""\
const struct ts_engine ts_engine = {{
    .name = "{name}",
    .model_sha256 = {{
{textwrap.indent(digest, "    ")}
    }},
    .input = {c_tensor(model.input)},
    .output = {c_tensor(model.output)},
    .rounding = TS_ROUNDING_{rounding.name},
    .flags = {flags},
}};
"""


def emit_plain(model: Model, plan: Plan, *, rounding: Rounding) -> str:
    """The engine in plain C: tables, and one call for each layer."""
    parts = ['#include "engine/fully_connected_s8.h"\n']
    for i, planned in enumerate(plan.layers):
        layer = planned.layer
        channels = zip(planned.bias, layer.multiplier, planned.right_shift, strict=True)
        parts.append(
            f"static const int8_t ts_engine_weights_{i}[] = {{\n{c_table(layer.weights.ravel())}\n}};\n"
            f"static const struct ts_channel ts_engine_channels_{i}[] = {{\n"
            f"{c_table(f'{{{b}, {m}, {s}}}' for b, m, s in channels)}\n}};\n"
            f"static const struct ts_layer ts_engine_layer_{i} = {{\n"
            f"    ts_engine_weights_{i}, ts_engine_channels_{i}, {layer.inputs}, {layer.outputs},"
            f" {layer.output.zero_point}, {layer.clamp_min}, {layer.clamp_max},\n}};\n"
        )
    last = len(plan.layers) - 1
    calls = "".join(
        f"    ts_fully_connected_s8(&ts_engine_layer_{i}, TS_ROUNDING_{rounding.name},"
        f" {'input' if i == 0 else f'ts_engine_arena + {plan.offsets[i - 1]}'},"
        f" {'output' if i == last else f'ts_engine_arena + {plan.offsets[i]}'});\n"
        for i in range(len(plan.layers))
    )
    parts.append(f"static void ts_engine_run(const int8_t *input, int8_t *output) {{\n{calls}}}\n")
    return "\n".join(parts)


def emit_ends(model: Model) -> str:
    """`ts_engine_invoke`: the model's own dtypes on the outside, int8 codes within."""
    first, last = model.layers[0].input, model.layers[-1].output
    before, after = [], []
    source, target = "input", "output"
    if model.input.dtype != np.int8:
        source = "codes_in"
        before.append(f"    int8_t codes_in[{model.input.count}];")
        value = (
            f"ts_quantize_f32(((const float *)input)[i], {c_float(first.scale)}, {first.zero_point}, -128, 127)"
            if model.input.dtype == np.float32
            else "((const uint8_t *)input)[i] - 128"
        )
        before.append(f"    for (unsigned i = 0; i < {model.input.count}; i++) {{\n        codes_in[i] = (int8_t)({value});\n    }}")
    if model.output.dtype != np.int8:
        target = "codes_out"
        before.insert(0, f"    int8_t codes_out[{model.output.count}];")
        slot, value = (
            ("((float *)output)[i]", f"ts_dequantize_f32(codes_out[i], {c_float(last.scale)}, {last.zero_point})")
            if model.output.dtype == np.float32
            else ("((uint8_t *)output)[i]", "(uint8_t)(codes_out[i] + 128)")
        )
        after.append(f"    for (unsigned i = 0; i < {model.output.count}; i++) {{\n        {slot} = {value};\n    }}")
    body = "\n".join([*before, f"    ts_engine_run({source}, {target});", *after, "    return TS_OK;"])
    return f"int ts_engine_invoke(const void *input, void *output) {{\n{body}\n}}\n"


ARENA = """\
static int8_t ts_engine_arena[{bytes}];
#define TS_ENGINE_PAINT 0x5A

int ts_engine_init(void) {{
    for (unsigned i = 0; i < sizeof ts_engine_arena; i++) {{
        ts_engine_arena[i] = TS_ENGINE_PAINT;
    }}
    return TS_OK;
}}

void ts_engine_memory(struct ts_engine_memory *memory) {{
    unsigned used = sizeof ts_engine_arena;
    while (used > 0 && ts_engine_arena[used - 1] == TS_ENGINE_PAINT) {{
        used--;
    }}
    memory->arena_planned_bytes = sizeof ts_engine_arena;
    memory->arena_used_bytes = used;
}}
"""

NO_ARENA = """\
int ts_engine_init(void) {
    return TS_OK;
}

void ts_engine_memory(struct ts_engine_memory *memory) {
    memory->arena_planned_bytes = 0;
    memory->arena_used_bytes = 0;
}
"""


def emit_memory(plan: Plan) -> str:
    """The arena, `ts_engine_init` and `ts_engine_memory`."""
    return ARENA.format(bytes=plan.arena_bytes) if plan.arena_bytes else NO_ARENA
