"""Random models of operators that reduce axes."""

from __future__ import annotations

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization


def draw_reduction(rng: np.random.Generator, operator: str, *, rescales: bool) -> bytes:
    """Write a model of one operator: any axes, told from either end, some of them twice.

    Args:
        rng: the only source of chance.
        operator: as the schema calls it.
        rescales: the result has another scale and zero point.
    """
    rank = int(rng.integers(1, 5))
    shape = [1, *(int(n) for n in rng.integers(1, 9, rank))]
    if rng.random() < 0.3:  # the mean over an image
        shape, axes = [1, *(int(n) for n in rng.integers(1, 20, 3))], [1, 2]
    elif rng.random() < 0.3:  # every second one: the elements of a result lie in several places
        shape = [1, *(int(n) for n in rng.integers(2, 6, rng.integers(3, 5)))]
        axes = list(range(int(rng.integers(1, 3)), len(shape), 2))
    else:
        axes = [int(n) for n in rng.choice(len(shape), int(rng.integers(1, len(shape) + 1)), replace=False)]
    told = [axis - len(shape) if rng.random() < 0.3 else axis for axis in axes]
    if rng.random() < 0.1:
        told.append(told[0])
    keep = bool(rng.random() < 0.5)
    left = [1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes]
    q = result = draw_quantization(rng)
    if rescales:
        ratio = float(rng.choice([1.0, 10 ** rng.uniform(-1, 0.3), 10 ** rng.uniform(-4, 4)]))
        result = Quantization(float(np.float32(q.scale * ratio)), draw_quantization(rng).zero_point)
    graph = GraphWriter()
    first = activation(graph, "input", shape, q)
    where = graph.tensor("axes", "int32", [len(told)], data=np.array(told, np.int32))
    last = activation(graph, "output", left, result)
    graph.operator(operator, [first, where], [last], "ReducerOptions", {"keepDims": keep})
    return graph.finish([first], [last])
