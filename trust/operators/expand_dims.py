"""Random EXPAND_DIMS."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    graph, q = GraphWriter(), draw_quantization(rng)
    shape = [1, *(int(n) for n in rng.integers(1, 6, rng.integers(0, 4)))]
    at = int(rng.integers(len(shape) + 1))
    first = activation(graph, "input", shape, q)
    given = at if rng.random() < 0.5 else at - len(shape) - 1
    axis = graph.tensor("axis", "int32", [1], data=np.array([given]))
    last = activation(graph, "output", [*shape[:at], 1, *shape[at:]], q)
    graph.operator("EXPAND_DIMS", [first, axis], [last], "ExpandDimsOptions")
    return graph.finish([first], [last])
