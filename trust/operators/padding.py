"""Random PAD and PADV2 of up to four dimensions."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw_pad(rng: np.random.Generator, *, code: bool) -> bytes:
    """Draw one model; `code`: of PADV2, with a given code."""
    graph, q = GraphWriter(), draw_quantization(rng)
    shape = [1, *(int(n) for n in rng.integers(1, 6, rng.integers(0, 4)))]
    paddings = rng.integers(0, 4, (len(shape), 2)) * (rng.random((len(shape), 1)) < 0.6)
    if rng.random() < 0.7:
        paddings[0] = 0
    first = activation(graph, "input", shape, q)
    tensors = [first, graph.tensor("paddings", "int32", paddings.shape, data=paddings)]
    options = "PadOptions"
    if code:
        options, data = "PadV2Options", rng.integers(-128, 128, 1)
        tensors.append(graph.tensor("code", "int8", [1], scale=q.scale, zero_point=q.zero_point, data=data))
    last = activation(graph, "output", [int(n) for n in paddings.sum(axis=1) + shape], q)
    graph.operator("PADV2" if code else "PAD", tensors, [last], options)
    return graph.finish([first], [last])
