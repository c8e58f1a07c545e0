"""Random SQUEEZE, of given axes or of all."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    graph, q = GraphWriter(), draw_quantization(rng)
    shape = [1, *(int(n) for n in rng.integers(1, 4, rng.integers(1, 4)))]
    ones = [axis for axis, count in enumerate(shape) if count == 1]
    taken = [axis for axis in ones if rng.random() < 0.6]
    given = [axis if rng.random() < 0.5 else axis - len(shape) for axis in taken]
    first = activation(graph, "input", shape, q)
    left = [count for axis, count in enumerate(shape) if axis not in (taken or ones)]
    last = activation(graph, "output", left, q)
    graph.operator("SQUEEZE", [first], [last], "SqueezeOptions", {"squeezeDims": given})
    return graph.finish([first], [last])
