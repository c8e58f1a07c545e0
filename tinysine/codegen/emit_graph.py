"""From the steps of a graph to the text of one C file that defines everything in firmware/include/tinysine/engine.h."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tinysine.codegen.description import arena_definition, beginning, buffers_of, description
from tinysine.codegen.place import Placement
from tinysine.codegen.steps import Step, Target
from tinysine.codegen.text import layer_comment
from tinysine.graph import Graph, Value

POINTERS = {"float32": "float *", "uint8": "uint8_t *", "int8": "int8_t *"}


def emit_graph(
    graph: Graph, steps: Sequence[Step], placement: Placement, *, target: Target, flags: Sequence[str]
) -> str:
    """Everything that firmware/include/tinysine/engine.h declares, for one graph.

    Args:
        graph: the network.
        steps: one for each node.
        placement: where values and scratch live.
        target: what it is generated for.
        flags: of enum ts_engine's flags, by name.
    """
    headers = {header for step in steps for header in step.headers}
    if placement.repeated:
        headers.add("copy.h")
    tables = list(dict.fromkeys(step.tables for step in steps if step.tables))
    parts = [
        beginning(graph, target.rounding),
        "\n".join(f'#include "engine/{header}"' for header in sorted(headers)),
        '#include "tinysine/engine.h"\n#include "tinysine/quantize.h"\n',
        arena_definition(placement.arena_bytes, aligned=True),
        *tables,
        buffers_of(graph),
        "int ts_engine_invoke(void) {",
        textwrap.indent("\n".join(_statements(steps, placement)), "    "),
        "    return TS_OK;\n}\n",
        description(
            graph, target.rounding, arena_bytes=placement.arena_bytes, flags=" | ".join(flags) or "0"
        ),
    ]
    return "\n".join(parts)


def _statements(steps: Sequence[Step], placement: Placement) -> list[str]:
    lines = []
    for number, step in enumerate(steps):
        node = step.node
        lines.append(
            layer_comment(number, f"{node.operator}, {step.kernel or 'nothing to do'}", node.result.name)
        )
        if step.alias and number not in placement.copies:
            continue
        names = {f"source{i}": _pointer(value, placement) for i, value in enumerate(node.sources)}
        if number in placement.scratch:
            names["scratch"] = f"(ts_engine_arena + {placement.scratch[number]})"
        lines.append(step.call.format(target=_pointer(node.result, placement), **names))
    # Where an output is one for the second time.
    lines += [
        f"ts_copy_s8((const int8_t *){source}, (int8_t *){target}, {size});"
        for source, target, size in placement.repeated
    ]
    return lines


def _pointer(value: Value, placement: Placement) -> str:
    return f"(({POINTERS[value.dtype.name]})({placement.expressions[id(value)]}))"
