"""Random RESHAPE, from the model's input straight to its output."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    shape = [1, *(int(n) for n in rng.integers(1, 6, rng.integers(1, 4)))]
    count = int(np.prod(shape))
    to = [1, count] if rng.random() < 0.5 else [*reversed(shape)]
    graph, q = GraphWriter(), draw_quantization(rng)
    first = activation(graph, "input", shape, q)
    wanted = graph.tensor("shape", "int32", [len(to)], data=np.array(to, np.int32))
    last = activation(graph, "output", to, q)
    graph.operator("RESHAPE", [first, wanted], [last], "ReshapeOptions", {"newShape": to})
    return graph.finish([first], [last])
