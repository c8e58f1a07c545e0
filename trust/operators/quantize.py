"""Random QUANTIZE between 8-bit codes."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import draw_quantization

_TYPES = (("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"))


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model: of a scale to another, or only from signed to unsigned codes."""
    kinds = _TYPES[int(rng.integers(len(_TYPES)))]
    q = draw_quantization(rng)
    ratio = float(rng.choice([1.0, 10 ** rng.uniform(-0.5, 0.5), 10 ** rng.uniform(-3, 3)]))
    moved = 0 if rng.random() < 0.3 else int(rng.integers(-128, 128)) - q.zero_point
    graph = GraphWriter()
    ends = [
        graph.tensor(
            name, kind, [1, 256], scale=scale, zero_point=zero_point + (128 if kind == "uint8" else 0)
        )
        for name, kind, scale, zero_point in (
            ("input", kinds[0], q.scale, q.zero_point),
            ("output", kinds[1], float(np.float32(q.scale * ratio)), q.zero_point + moved),
        )
    ]
    graph.operator("QUANTIZE", ends[:1], ends[1:])
    return graph.finish(ends[:1], ends[1:])
