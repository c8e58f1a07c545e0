"""The layers of a model as C, for an engine that shows its own: a table of the tensors that operators write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from tinysine.link.identity import MOST_BYTES
from tinysine.model import Model
from tinysine.model.ends import DTYPES
from tinysine.model.reader import damage_reported
from tinysine.tflite.cut import cut_points
from tinysine.tflite.tflite_file import TfliteFile

MOST_NAME = 40  # characters


@dataclass(frozen=True)
class _Layer:
    operator: int
    output: int
    name: str
    type: int
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * np.dtype(DTYPES[self.type]).itemsize


def layers_declared(model: Model) -> Iterator[str]:
    """Lines of tinysine/model.h."""
    yield f"#define TS_MODEL_LAYERS {len(_layers(model))}"
    yield "/* For ts_engine_layer_output: what the operators write, in the order of the .tflite file. */"
    yield "extern const struct ts_layer ts_model_layers[];"
    yield "extern const uint16_t ts_model_layer_count;"


def layers_defined(model: Model) -> Iterator[str]:
    """Lines of the C file behind it."""
    rows = []
    for number, layer in enumerate(_layers(model)):
        dims = "0"
        if layer.shape:
            dims = f"ts_model_layers_{number}"
            yield f"static const uint32_t {dims}[] = {{{', '.join(map(str, layer.shape))}}};"
        tensor = f"{{0, 0, {layer.nbytes}, {layer.type}, {len(layer.shape)}, {dims}}}"
        rows.append(f'    {{{tensor}, "{layer.name}", {layer.operator}, {layer.output}}},')
    yield "const struct ts_layer ts_model_layers[] = {"
    yield from rows
    yield "};"
    yield "const uint16_t ts_model_layer_count = TS_MODEL_LAYERS;"


def _layers(model: Model) -> list[_Layer]:
    """Those that the link can carry."""
    with damage_reported("the model"):
        file = TfliteFile(model.source)
        file.open_graph()
        found = []
        for point in cut_points(model.source, file="the model"):
            tensor = file.tensor(point.tensor)
            name = "".join(
                c if c.isascii() and c.isprintable() and c not in '"\\?' else "_" for c in point.name
            )
            layer = _Layer(point.layer, point.output, name[:MOST_NAME], tensor.type, tensor.shape)
            if tensor.type in DTYPES and 0 < layer.nbytes <= MOST_BYTES:
                found.append(layer)
        return found
