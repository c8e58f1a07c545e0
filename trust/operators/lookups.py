"""Random models of operators that make one code of one code: 256 codes in, so that one input can be all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinysine.graph import Graph, parse_network
from tinysine.graph.lookup import Lookup
from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization

_SHAPES = ((1, 256), (1, 16, 16), (1, 4, 8, 8))


def draw_lookup(
    rng: np.random.Generator,
    operator: str,
    *,
    source: Quantization | None = None,
    result: Quantization | None = None,
    options: str | None = None,
    fields: Mapping[str, Any] | None = None,
) -> bytes:
    """Write a model of one operator.

    Args:
        rng: for what is not given.
        operator, options, fields: as of GraphWriter.operator.
        source, result: drawn where they are not given: alike, or near each other, or far apart.
    """
    shape = _SHAPES[int(rng.integers(len(_SHAPES)))]
    q = source or draw_quantization(rng)
    if result is None:
        ratio = float(rng.choice([1.0, 10 ** rng.uniform(-0.5, 0.5), 10 ** rng.uniform(-3, 3)]))
        near = Quantization(float(np.float32(q.scale * ratio)), draw_quantization(rng).zero_point)
        result = q if rng.random() < 0.2 else near
    graph = GraphWriter()
    first = activation(graph, "input", shape, q)
    last = activation(graph, "output", shape, result)
    graph.operator(operator, [first], [last], options, fields)
    return graph.finish([first], [last])


def draw_function(rng: np.random.Generator, operator: str, result: Quantization) -> bytes:
    """Write a model of a function that saturates; not one of the few whose LiteRT answers a C library decides."""
    while True:
        data = draw_lookup(rng, operator, source=_wide_scale(rng), result=result)
        graph = parse_network(data, file=operator)
        assert isinstance(graph, Graph)
        (node,) = graph.nodes
        assert isinstance(node, Lookup)
        if not node.problem:
            return data


def _wide_scale(rng: np.random.Generator) -> Quantization:
    """Draw the quantisation of what goes into a function that saturates: from nearly linear to steps."""
    return Quantization(float(np.float32(10 ** rng.uniform(-5, 2))), draw_quantization(rng).zero_point)
