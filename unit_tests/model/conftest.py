"""A good file, and ways to spoil it through the schema that LiteRT ships."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tinysine.model.writer import LayerSpec, _AlignedBuffer, write_model
from tinysine.quantization import Quantization

Edit = Callable[[Any], None]


@pytest.fixture(scope="session")
def good() -> bytes:
    """A network that has everything: 2 -> 3 -> 2, per-tensor and per-channel, float32 in, uint8 out."""
    rng = np.random.default_rng(1)
    hidden = Quantization(0.25, -128)
    layers = [
        LayerSpec(
            weights=rng.integers(-127, 128, (3, 2)).astype(np.int8),
            bias=np.array([100, -200, 300], np.int32),
            weight_scales=np.array([0.01], np.float32),
            output=hidden,
            activation="relu6",
        ),
        LayerSpec(
            weights=rng.integers(-127, 128, (2, 3)).astype(np.int8),
            bias=np.array([5, -5], np.int32),
            weight_scales=np.array([0.02, 0.03], np.float32),
            output=Quantization(0.5, 3),
        ),
    ]
    return write_model(layers, input=Quantization(0.125, 7), input_type="float32", output_type="uint8")


@pytest.fixture(scope="session")
def edited(good: bytes) -> Callable[[Edit], bytes]:
    """Return a function that applies an edit to the good model's object tree and packs it again."""

    def edit(change: Edit) -> bytes:
        import flatbuffers

        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(good, 0))
        model.buffers = [
            _AlignedBuffer(schema, b"" if b.data is None else bytes(b.data)) for b in model.buffers
        ]
        change(model)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    return edit
