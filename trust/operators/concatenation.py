"""Random CONCATENATION along any axis; a value may come twice."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    graph, q = GraphWriter(), draw_quantization(rng)
    shape = [1, *(int(n) for n in rng.integers(1, 7, rng.integers(0, 4)))]
    axis = int(rng.integers(len(shape)))
    inputs: list[int] = []
    counts: list[int] = []
    tensors = []
    for position in range(int(rng.integers(1, 6))):
        if inputs and rng.random() < 0.2:
            again = int(rng.integers(len(inputs)))
            tensors.append(inputs[again])
            counts.append(counts[again])
            continue
        counts.insert(len(inputs), int(rng.integers(1, 7)))
        each = [*shape[:axis], counts[len(inputs)], *shape[axis + 1 :]]
        inputs.append(activation(graph, f"input{position}", each, q))
        tensors.append(inputs[-1])
    last = activation(graph, "output", [*shape[:axis], sum(counts), *shape[axis + 1 :]], q)
    options = {"axis": axis if rng.random() < 0.5 else axis - len(shape)}
    graph.operator("CONCATENATION", tensors, [last], "ConcatenationOptions", options)
    return graph.finish(inputs, [last])
