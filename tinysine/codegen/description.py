"""The parts of a generated engine that say what it is: arena, buffers, and the definition of `ts_engine`."""

from __future__ import annotations

import textwrap

from tinysine.codegen.text import end_name, float32, table
from tinysine.graph import Network
from tinysine.model import Tensor
from tinysine.quantization import Rounding

DTYPE_NAMES = {"float32": "TS_FLOAT32", "uint8": "TS_UINT8", "int8": "TS_INT8"}
BUFFER_TYPES = {"float32": "float", "uint8": "uint8_t", "int8": "uint8_t"}


def arena_definition(arena_bytes: int, *, aligned: bool = False) -> str:
    """Define the arena, where there is one.

    Args:
        arena_bytes: of it.
        aligned: to words, which its offsets are.
    """
    alignment = "TS_TENSOR_ALIGNED " if aligned else ""
    return f"static {alignment}uint8_t ts_engine_arena[{arena_bytes}];\n" if arena_bytes else ""


def buffers_of(model: Network) -> str:
    """Define the buffers of inputs and outputs, side by side."""
    ends = [
        (end_name(end, i, len(tensors)), tensor)
        for end, tensors in (("input", model.inputs), ("output", model.outputs))
        for i, tensor in enumerate(tensors)
    ]
    buffers = "\n".join(
        f"    TS_TENSOR_ALIGNED {BUFFER_TYPES[tensor.dtype.name]} {name}[{tensor.count}];"
        for name, tensor in ends
    )
    return f"""\
static struct {{
{buffers}
}} ts_engine_ends;
"""


def description(model: Network, rounding: Rounding, *, arena_bytes: int, flags: str) -> str:
    """The functions that have next to nothing to do, and the definition of `ts_engine`."""
    digest = textwrap.indent(table(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256)), "    ")
    arena = (
        "\n    .arena = ts_engine_arena,\n    .arena_bytes = sizeof ts_engine_arena," if arena_bytes else ""
    )
    return f"""\
int ts_engine_init(void) {{
    return TS_OK;
}}

{_buffer_of("void *ts_engine_input", "input", model.inputs)}
{_buffer_of("const void *ts_engine_output", "output", model.outputs)}
{_tensors("input", model.inputs)}{_tensors("output", model.outputs)}
const struct ts_engine ts_engine = {{
    .name = "tinysine",
    .model_sha256 = {{
{digest}
    }},
    .inputs = ts_engine_inputs,
    .outputs = ts_engine_outputs,
    .input_count = {len(model.inputs)},
    .output_count = {len(model.outputs)},
    .reference = {_reference(rounding)},
    .flags = {flags},{arena}
}};
"""


def _reference(rounding: Rounding) -> str:
    """Return the C name of the reference; TS_ENGINE_REFERENCE is the one that the kernels get."""
    return "TS_ENGINE_REFERENCE" if rounding is rounding.kernels else f"TS_REFERENCE_{rounding.name}"


def _buffer_of(function: str, end: str, tensors: tuple[Tensor, ...]) -> str:
    """The function that tells where the buffer of an input or output is."""
    if len(tensors) == 1:
        body = f"    (void)index;\n    return ts_engine_ends.{end};"
    else:
        cases = (f"    case {i}:\n        return ts_engine_ends.{end}_{i};" for i in range(1, len(tensors)))
        body = "\n".join(
            [
                "    switch (index) {",
                *cases,
                "    default:",
                f"        return ts_engine_ends.{end}_0;",
                "    }",
            ]
        )
    return f"{function}(uint8_t index) {{\n{body}\n}}\n"


def _tensors(end: str, tensors: tuple[Tensor, ...]) -> str:
    names = [f"ts_engine_{end_name(end, i, len(tensors))}_dims" for i in range(len(tensors))]
    dims = "".join(
        f"static const TS_FLASH uint32_t {name}[] = {{{', '.join(map(str, tensor.shape))}}};\n"
        for name, tensor in zip(names, tensors, strict=True)
        if tensor.shape
    )
    entries = "\n".join(_tensor(tensor, name) for tensor, name in zip(tensors, names, strict=True))
    return f"{dims}static const TS_FLASH struct ts_tensor ts_engine_{end}s[] = {{\n{entries}\n}};\n"


def _tensor(tensor: Tensor, dims: str) -> str:
    q = tensor.quantization
    scale, zero_point = (float32(q.scale), q.zero_point) if q else ("0", 0)
    return f"""\
    {{.scale = {scale},
     .zero_point = {zero_point},
     .bytes = {tensor.nbytes},
     .dtype = {DTYPE_NAMES[tensor.dtype.name]},
     .rank = {len(tensor.shape)},
     .dims = {dims if tensor.shape else 0}}},"""
