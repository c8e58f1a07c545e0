"""A model as C, for an engine of the user's: the header that it includes, and the file behind it."""

from __future__ import annotations

from collections.abc import Iterator

from tinysine.firmware_facts import ARENA_TOLD
from tinysine.image.engines import Engine
from tinysine.image.model_layers import layers_declared, layers_defined
from tinysine.model import Model, Tensor
from tinysine.model.ends import DTYPES
from tinysine.quantization import Rounding

GUARD_BYTES = 32  # before and behind the arena; painted, and looked at with it
_TYPE_CODES = {dtype: code for code, dtype in DTYPES.items()}


def model_header(engine: Engine, model: Model, rounding: Rounding) -> str:
    """The text of tinysine/model.h: what an engine is told of its model, and of the arena that it is given."""
    digest = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256))
    arena = (
        [
            f"#define TS_ARENA_BYTES {engine.arena_bytes}",
            "struct ts_model_arena {",
            f"    uint8_t before[{GUARD_BYTES}];",
            "    uint8_t bytes[TS_ARENA_BYTES];",
            f"    uint8_t behind[{GUARD_BYTES}];",
            "};",
            "/* Aligned to 16 bytes. Writing beyond it is found out. */",
            "extern struct ts_model_arena ts_model_arena;",
            "#define TS_ARENA ts_model_arena.bytes",
            "/* How much of it the engine uses by its own account: ts_engine_init may set it. */",
            f"extern uint32_t {ARENA_TOLD};",
        ]
        if engine.arena_bytes
        else []
    )
    return "\n".join(
        [
            "/* The model that an engine is built for. Generated for one build. Do not edit. */",
            "#ifndef TINYSINE_MODEL_H",
            "#define TINYSINE_MODEL_H",
            '#include "tinysine/engine.h"',
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            f"#define TS_MODEL_SHA256 {{{digest}}}",
            f"#define TS_MODEL_REFERENCE TS_REFERENCE_{rounding.name}",
            f"#define TS_MODEL_INPUTS {len(model.inputs)}",
            f"#define TS_MODEL_OUTPUTS {len(model.outputs)}",
            f"#define TS_MODEL_BYTES {len(model.source)}",
            "/* For ts_engine.inputs and outputs. */",
            "extern const struct ts_tensor ts_model_inputs[TS_MODEL_INPUTS];",
            "extern const struct ts_tensor ts_model_outputs[TS_MODEL_OUTPUTS];",
            "/* The .tflite file, aligned to 16 bytes; takes flash only where the engine uses it. */",
            "extern const uint8_t ts_model[TS_MODEL_BYTES];",
            *arena,
            *(layers_declared(model) if engine.layers else ()),
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def model_source(engine: Engine, model: Model) -> str:
    """The C file behind that header: the model's bytes, its tensors, the arena."""
    aligned = "__attribute__((aligned(16)))"
    tensors = [*_tensors("inputs", model.inputs), *_tensors("outputs", model.outputs)]
    arena = (
        [
            f"{aligned} struct ts_model_arena ts_model_arena;",
            "extern uint8_t *const ts_arena_given;",
            "extern const uint32_t ts_arena_given_bytes;",
            "uint8_t *const ts_arena_given = TS_ARENA;",
            "const uint32_t ts_arena_given_bytes = TS_ARENA_BYTES;",
            f"uint32_t {ARENA_TOLD};",
        ]
        if engine.arena_bytes
        else []
    )
    rows = (model.source[at : at + 32] for at in range(0, len(model.source), 32))
    return "\n".join(
        [
            '#include "tinysine/model.h"',
            *arena,
            *tensors,
            *(layers_defined(model) if engine.layers else ()),
            f"{aligned} const uint8_t ts_model[TS_MODEL_BYTES] = {{",
            *("".join(f"{byte}," for byte in row) for row in rows),
            "};",
            "",
        ]
    )


def _tensors(what: str, tensors: tuple[Tensor, ...]) -> Iterator[str]:
    rows = []
    for number, tensor in enumerate(tensors):
        name = f"ts_model_{what}_{number}"
        if tensor.shape:
            yield f"static const uint32_t {name}[] = {{{', '.join(map(str, tensor.shape))}}};"
        quantization = tensor.quantization
        scale = "0.0f" if quantization is None else f"{float(quantization.scale).hex()}f"
        zero_point = 0 if quantization is None else quantization.zero_point
        dims = name if tensor.shape else "0"
        code = _TYPE_CODES[tensor.dtype.type]
        rows.append(f"    {{{scale}, {zero_point}, {tensor.nbytes}, {code}, {len(tensor.shape)}, {dims}}},")
    yield f"const struct ts_tensor ts_model_{what}[] = {{"
    yield from rows
    yield "};"
