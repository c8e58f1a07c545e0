"""Random FULLY_CONNECTED on several rows, of rank 2 to 4."""

from __future__ import annotations

import numpy as np

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import ACTIVATIONS, accumulator_output, activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    inputs, outputs = (int(n) for n in rng.integers(1, 40, 2))
    leading = [int(n) for n in rng.integers(1, 4, rng.integers(1, 4))]
    keep = bool(rng.random() < 0.5)
    rows = int(np.prod(leading))
    graph, q = GraphWriter(), draw_quantization(rng)
    per_channel = outputs > 1 and rng.random() < 0.5
    scales = (10 ** rng.uniform(-4, -1, outputs if per_channel else 1)).astype(np.float32)
    weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    reach = 127.0 * 64 * np.sqrt(inputs)
    bias = rng.integers(-int(reach), int(reach) + 1, outputs).astype(np.int32)
    q_out = accumulator_output(rng, reach, float(q.scale) * float(np.median(scales)))
    first = activation(graph, "input", [*leading, inputs], q)
    tensors = [
        first,
        graph.tensor("weights", "int8", weights.shape, scale=scales, data=weights),
        graph.tensor("bias", "int32", [outputs], scale=q.scale * scales.astype(float), data=bias),
    ]
    last = activation(graph, "output", [*leading, outputs] if keep else [rows, outputs], q_out)
    fields = {"fusedActivationFunction": int(rng.choice(ACTIVATIONS)), "keepNumDims": keep}
    graph.operator("FULLY_CONNECTED", tensors, [last], "FullyConnectedOptions", fields)
    return graph.finish([first], [last])
