"""Random SOFTMAX: any rank and beta, scales from flat rows to those with one winner."""

from __future__ import annotations

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    shape = [1, *(int(n) for n in rng.integers(1, 5, rng.integers(0, 3))), int(rng.integers(1, 40))]
    if rng.random() < 0.1:
        shape[-1] = int(rng.integers(1, 511))
    beta = float(rng.choice([1.0, 1.0, rng.uniform(0.1, 8)]))
    # From differences that vanish to those that leave only the greatest.
    q = Quantization(float(np.float32(10 ** rng.uniform(-6, 3))), draw_quantization(rng).zero_point)
    graph = GraphWriter()
    first = activation(graph, "input", shape, q)
    last = activation(graph, "output", shape, Quantization(1 / 256, -128))
    graph.operator("SOFTMAX", [first], [last], "SoftmaxOptions", {"beta": beta})
    return graph.finish([first], [last])
