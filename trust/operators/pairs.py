"""Parts that the draws of ADD, SUB and MUL share: shapes that go together, one operand a constant at times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import ACTIVATIONS, activation, draw_quantization


def draw_pair(
    rng: np.random.Generator,
    operator: str,
    options: str,
    *,
    product: bool,
) -> bytes:
    """Draw one model.

    Args:
        rng: where all of it comes from.
        operator: as the schema calls it.
        options: its table of options.
        product: the result's scale follows from the operands' product, else from their sum.
    """
    graph = GraphWriter()
    shapes = _shapes(rng)
    qs = [draw_quantization(rng), draw_quantization(rng)]
    if not product:  # a sum's operands are seldom a thousandfold apart
        qs[1] = Quantization(float(np.float32(qs[0].scale * 10 ** rng.uniform(-1.5, 1.5))), qs[1].zero_point)
    kind = rng.choice(["two", "two", "constant first", "constant second", "same"])
    if kind == "same":
        first = activation(graph, "input", shapes[0], qs[0])
        tensors, ends, qs[1], shapes[1] = [first, first], [first], qs[0], shapes[0]
    else:
        tensors, ends = [], []
        for place, (shape, q) in enumerate(zip(shapes, qs, strict=True)):
            if kind == ("constant first", "constant second")[place]:
                tensors.append(_constant(graph, rng, shape, q))
            else:
                tensors.append(activation(graph, f"input{place}", shape, q))
                ends.append(tensors[-1])
    real = qs[0].scale * qs[1].scale * 40 if product else max(q.scale for q in qs)
    # Sums that saturate nearly everywhere are at times among them.
    spread = rng.uniform(-0.5, 0.7) if rng.random() < 0.7 else rng.uniform(-2.5, -1)
    scale = float(np.float32(real * 10**spread))
    result = Quantization(scale, draw_quantization(rng).zero_point)
    last = activation(graph, "output", np.broadcast_shapes(*shapes), result)
    graph.operator(
        operator, tensors, [last], options, {"fusedActivationFunction": int(rng.choice(ACTIVATIONS))}
    )
    return graph.finish(ends, [last])


def _constant(graph: GraphWriter, rng: np.random.Generator, shape: tuple[int, ...], q: Quantization) -> int:
    data = rng.integers(-128, 128, shape).astype(np.int8)
    return graph.tensor("constant", "int8", shape, scale=q.scale, zero_point=q.zero_point, data=data)


def _shapes(rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Two shapes: equal, a scalar, along the last axis, any broadcast, or four dimensions that stay apart."""
    full = (1, *(int(n) for n in rng.integers(1, 8, rng.integers(1, 4))))
    if rng.random() < 0.15:  # four dimensions, of which no two are one
        full = tuple(int(n) for n in rng.integers(2, 5, 4))
        return [full, (1, full[1], 1, full[3])]
    choices: list[Callable[[], tuple[int, ...]]] = [
        lambda: full,
        lambda: (),
        lambda: (1,),
        lambda: full[-1:],
        lambda: tuple(n if rng.random() < 0.5 else 1 for n in full),
        lambda: tuple(n if rng.random() < 0.5 else 1 for n in full[1:]),
    ]
    shapes = [full, choices[int(rng.integers(len(choices)))]()]
    if len(shapes[1]) == len(full) and rng.random() < 0.3:  # each has what the other lacks
        shapes[0] = tuple(n if rng.random() < 0.7 else 1 for n in full)
    return shapes if rng.random() < 0.6 else shapes[::-1]
