"""Random RESHAPE: of a stored shape, or of one with a free batch, as Keras' Flatten writes it."""

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
    last = activation(graph, "output", to, q)
    if rng.random() < 0.5:
        wanted = graph.tensor("shape", "int32", [len(to)], data=np.array(to, np.int32))
        graph.operator("RESHAPE", [first, wanted], [last], "ReshapeOptions", {"newShape": to})
    else:
        graph.operator("RESHAPE", [first, _packed(graph, first, shape, to)], [last], "ReshapeOptions")
    return graph.finish([first], [last])


def _packed(graph: GraphWriter, first: int, shape: list[int], to: list[int]) -> int:
    """Take the batch from the input's shape, and pack it with the other sizes."""
    sizes = graph.tensor("sizes", "int32", [len(shape)])
    graph.operator("SHAPE", [first], [sizes], "ShapeOptions", {"outType": 2})
    ends = [graph.tensor(f"end{n}", "int32", [1], data=np.array([n])) for n in (0, 1, 1)]
    batch = graph.tensor("batch", "int32", [])
    graph.operator("STRIDED_SLICE", [sizes, *ends], [batch], "StridedSliceOptions", {"shrinkAxisMask": 1})
    rest = [graph.tensor(f"size{i}", "int32", [], data=np.array(n)) for i, n in enumerate(to)]
    # The batch is 1, and may stand for any size that is.
    at = to.index(1)
    packed = graph.tensor("packed", "int32", [len(to)])
    options = {"valuesCount": len(to), "axis": 0}
    graph.operator("PACK", [*rest[:at], batch, *rest[at + 1 :]], [packed], "PackOptions", options)
    return packed
