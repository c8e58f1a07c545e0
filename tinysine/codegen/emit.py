"""From a plan to the text of one C file that defines everything in firmware/include/tinysine/engine.h."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

import numpy as np

from tinysine.codegen.description import arena_definition, beginning, buffers_of, description
from tinysine.codegen.emit_compact import emit_compact
from tinysine.codegen.emit_loops import emit_loop
from tinysine.codegen.emit_rows import emit_rows
from tinysine.codegen.plan import Kernel, LayerPlan, Plan
from tinysine.codegen.text import float32, layer_comment, table, word
from tinysine.graph import DenseChain
from tinysine.quantization import Rounding

HEADERS = {
    Kernel.ROWS: "rows.h",
    Kernel.LANES: "dense_lanes.h",
    Kernel.WIDE: "wide.h",
    Kernel.SPLIT: "plain.h",
    Kernel.LONG: "plain.h",
}
REGISTERS = ("a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "x", "sum")


@dataclass(frozen=True)
class Emitted:
    """The whole file.

    Attributes:
        source: its text. A comment `layer N` starts what belongs to a layer in `ts_engine_run`.
        constant_bytes: of each layer: weights, biases, multipliers, and what describes them.
    """

    source: str
    constant_bytes: tuple[int, ...]


def emit_engine(model: DenseChain, plan: Plan, *, rounding: Rounding, flags: list[str]) -> Emitted:
    """Everything that firmware/include/tinysine/engine.h declares, for one model."""
    compact = plan.layers[0].kernel is Kernel.COMPACT
    headers = [] if compact else sorted({HEADERS[layer.kernel] for layer in plan.layers})
    network, constant_bytes = emit_compact(plan, rounding) if compact else _layers(model, plan, rounding)
    parts = [
        beginning(model, rounding),
        "\n".join(f'#include "engine/{header}"' for header in headers),
        '#include "tinysine/engine.h"\n#include "tinysine/quantize.h"\n',
        arena_definition(plan.arena_bytes, aligned=any(layer.scratch for layer in plan.layers)),
        *network,
        _ends(model, plan),
        description(model, rounding, arena_bytes=plan.arena_bytes, flags=" | ".join(flags) or "0"),
    ]
    return Emitted(source="\n".join(parts), constant_bytes=tuple(constant_bytes))


def _layers(model: DenseChain, plan: Plan, rounding: Rounding) -> tuple[list[str], list[int]]:
    """Tables, and `ts_engine_run`, which calls for each layer in turn."""
    tables: list[str] = []
    lines: list[str] = []
    stream: list[int] = []
    constant_bytes: list[int] = []
    source = "input"
    from_registers = False
    following: LayerPlan | None
    for i, (layer, following) in enumerate(zip(plan.layers, (*plan.layers[1:], None), strict=True)):
        target = "output" if following is None else f"(ts_engine_arena + {layer.offset})"
        what = f"{layer.layer.inputs} -> {layer.layer.outputs}, {layer.kernel}"
        lines.append(layer_comment(i, what, layer.layer.name))
        if layer.kernel is Kernel.ROWS:
            statements, words = emit_rows(
                layer, following, source=source, target=target, from_registers=from_registers
            )
            lines += statements
            stream += words
            constant_bytes.append(4 * len(words))
            from_registers = layer.in_registers
            if layer.folded:
                break
        else:
            tables_of_layer, call, size = emit_loop(
                i,
                layer,
                rounding=rounding,
                source=source,
                target=target,
                scratch=f"ts_engine_arena + {layer.scratch_offset}",
                signed=source == "input",
            )
            tables.append(tables_of_layer)
            lines.append(call)
            constant_bytes.append(size)
        source = target
    if stream:
        tables.append(f"static const int32_t ts_engine_rows[] = {{\n{table(map(word, stream))}\n}};\n")
        lines.insert(0, "TS_REGISTER const int32_t *p TS_IN_p = ts_engine_rows;")
    text = "\n".join(lines)
    used = [name for name in REGISTERS if re.search(rf"\b{name}\b", text)]
    # The macros of rows.h name the registers that they read: a row of n pairs needs the first n.
    declared = [f"TS_REGISTER int32_t {name} TS_IN_{name};" for name in used]
    if re.search(r"\bcode\b", text):
        declared.append("int32_t code;")
    if re.search(r"\bword\b", text):
        declared.append("uint32_t word;")
    body = textwrap.indent("\n".join([*declared, text]), "    ")
    # Rows need every register; GCC does not find them all in one function with the loops that convert the ends.
    rows = any(layer.kernel is Kernel.ROWS for layer in plan.layers)
    converts = any(tensor.dtype != np.int8 for tensor in (model.input, model.output))
    head = "static void ts_engine_run(const uint8_t *input, uint8_t *output)"
    if rows and converts:
        tables.append(f"{head} __attribute__((noinline));")
    tables.append(f"{head} {{\n{body}\n}}\n")
    constant_bytes += [0] * (len(plan.layers) - len(constant_bytes))  # folded into the layer before
    return tables, constant_bytes


def _ends(model: DenseChain, plan: Plan) -> str:
    """The buffers and `ts_engine_invoke`: the model's own dtypes on the outside, int8 codes within.

    Codes of the input are made in the arena: the input keeps what it holds. Those of the output lie where the
    output goes, one byte each from its start on; converted from the last to the first, none is overwritten unread.
    """
    first, last = model.layers[0].input, model.layers[-1].output
    lines, source = [], "ts_engine_ends.input"
    if model.input.dtype != np.int8:
        value = (
            f"ts_quantize_f32({source}[i], {float32(first.scale)}, {first.zero_point}, -128, 127)"
            if model.input.dtype == np.float32
            else f"{source}[i] ^ 0x80"
        )
        if plan.codes_offset is None:
            source = "&code"
            lines.append(f"uint8_t const code = (uint8_t)({value.replace('[i]', '[0]')});")
        else:
            source = f"ts_engine_arena + {plan.codes_offset}"
            loop = f"for (unsigned i = 0; i < {model.input.count}; i++) {{"
            lines += [loop, f"    ({source})[i] = (uint8_t)({value});", "}"]
    output = "ts_engine_ends.output"
    codes = f"(uint8_t *){output}" if model.output.dtype == np.float32 else output
    lines.append(f"ts_engine_run({source}, {codes});")
    if model.output.dtype != np.int8:
        code = f"({codes})[i]"
        assignment = (
            f"{output}[i] = ts_dequantize_f32((int8_t){code}, {float32(last.scale)}, {last.zero_point});"
            if model.output.dtype == np.float32
            else f"{code} ^= 0x80;"
        )
        lines += [f"for (unsigned i = {model.output.count}; i-- > 0;) {{", f"    {assignment}", "}"]
    body = textwrap.indent("\n".join([*lines, "return TS_OK;"]), "    ")
    return f"""\
/* Side by side: one register reaches both. */
{buffers_of(model)}
int ts_engine_invoke(void) {{
{body}
}}
"""
