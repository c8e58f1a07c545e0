"""A network with one 8-bit input as the table of its 256 answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.description import BUFFER_TYPES, beginning, buffers_of, description
from tinysine.codegen.text import end_name, float32, layer_comment, table
from tinysine.errors import ConfigError
from tinysine.graph import Network
from tinysine.model import Model
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.tensor_values import arrays_of

CODES = 256


def has_few_answers(model: Model) -> bool:
    """Tell whether the input is one value of 8 bits, so that there are at most 256 answers."""
    return [(tensor.count, tensor.dtype.itemsize) for tensor in model.inputs] == [(1, 1)]


def check_answers(model: Network) -> None:
    """Refuse a model that is no table.

    Raises:
        ConfigError: its input is not one value of 8 bits.
    """
    if has_few_answers(model):
        return
    tensors = model.inputs
    count = sum(tensor.count for tensor in tensors)
    what = f"{count:,} values" if count > 1 else f"one {tensors[0].dtype}"
    raise ConfigError(
        f"cannot make a table of all answers: the input of the model is {what}, not one of 8 bits",
        hint="--optimize speed",
        key="optimize",
    )


def emit_answers(model: Network, rounding: Rounding) -> tuple[str, int]:
    """Write everything that firmware/include/tinysine/engine.h declares.

    Args:
        model: whose input is one value of 8 bits.
        rounding: whose answers: each entry is what the integers of that reference give.
    Returns:
        (the text, the bytes of the tables).
    Raises:
        ModelError: as `integer_oracle`.
    """
    codes = np.arange(CODES, dtype=np.uint8).view(model.inputs[0].dtype)[:, None]
    answers = arrays_of(integer_oracle(model, rounding).run(codes))
    tables, lines = [], [layer_comment(0, "table of 256 answers", model.outputs[0].name)]
    for i, (tensor, values) in enumerate(zip(model.outputs, answers, strict=True)):
        name = end_name("output", i, len(model.outputs))
        made = f"ts_engine_answers_{i}"
        kind = BUFFER_TYPES[tensor.dtype.name]
        tables.append(
            f"/* For each byte of the input, {tensor.count} of the output. */\n"
            f"static const TS_FLASH {kind} {made}[] = {{\n{table(_initialisers(values))}\n}};\n"
        )
        if tensor.count == 1:
            lines.append(f"ts_engine_ends.{name}[0] = {made}[ts_engine_ends.input[0]];")
        else:
            lines += [
                f"for (unsigned i = 0; i < {tensor.count}; i++) {{",
                f"    ts_engine_ends.{name}[i] = {made}[ts_engine_ends.input[0] * {tensor.count}U + i];",
                "}",
            ]
    body = "\n".join(f"    {line}" for line in [*lines, "return TS_OK;"])
    parts = [
        beginning(model, rounding),
        '#include "tinysine/engine.h"\n',
        *tables,
        buffers_of(model),
        f"int ts_engine_invoke(void) {{\n{body}\n}}\n",
        description(model, rounding, arena_bytes=0, flags="0"),
    ]
    return "\n".join(parts), sum(values.nbytes for values in answers)


def _initialisers(values: NDArray[np.generic]) -> list[str]:
    if values.dtype == np.float32:
        return [float32(value) for value in values.ravel().tolist()]
    return [str(value) for value in values.view(np.uint8).ravel().tolist()]
