"""Random networks that see: a convolution of one tap, or of three colours, and a depthwise one behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import activation, draw_quantization, outputs_of


@dataclass(frozen=True)
class _Image:
    """A value so far: its tensor, rows and columns, channels and quantisation."""

    tensor: int
    size: tuple[int, int]
    channels: int
    q: Quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model, of one to three such pairs."""
    graph, q = GraphWriter(), draw_quantization(rng)
    colours = bool(rng.random() < 0.35)
    # Even numbers of outputs, whatever the stride, are what kernels of their own want.
    step = int(rng.choice([2, 4, 4, 4]))
    rows, columns = (step * int(n) for n in rng.integers(1, 12 // step + 1, 2))
    if rng.random() < 0.1:
        columns = max(columns - 1, 1)
    if colours:
        rows, columns = 2 * rows, 2 * columns
    channels = 3 if colours else int(rng.choice([8, 8, 4 * int(rng.integers(1, 19))]))
    first = activation(graph, "input", (1, rows, columns, channels), q)
    value = _Image(first, (rows, columns), channels, q)
    for number in range(int(rng.integers(1, 4))):
        taps, step = (3, 2) if colours and number == 0 else (1, 1)
        outputs = 4 * int(rng.integers(1, 6)) if rng.random() < 0.93 else int(rng.integers(1, 20))
        value = _convolve(rng, graph, value, [taps, taps], outputs=outputs, step=step)
        value = _convolve(rng, graph, value, [3, 3], outputs=0, step=1 + int(rng.random() < 0.4))
    return graph.finish([first], [value.tensor])


def _convolve(
    rng: np.random.Generator,
    graph: GraphWriter,
    source: _Image,
    kernel: list[int],
    *,
    outputs: int,
    step: int,
) -> _Image:
    """Add a convolution; a depthwise one where `outputs` is 0."""
    depthwise, channels = outputs == 0, source.channels
    outputs = outputs or channels
    options = {"padding": int(rng.random() < 0.06), "strideH": step, "strideW": step}
    output = outputs_of(source.size, kernel, options)
    if output is None:
        options["padding"] = 0
        output = outputs_of(source.size, kernel, options)
    assert output is not None
    shape = (1, *kernel, channels) if depthwise else (outputs, *kernel, channels)
    weights = rng.integers(-127, 128, shape)
    # Nearly always as after relu, whose codes begin at the least: then all channels have the short requantisation.
    relu = bool(rng.random() < 0.97)
    q = Quantization(float(np.float32(10 ** rng.uniform(-3, 0))), -128 if relu else 3)
    reach = 127 * 64 * np.sqrt(weights.size / outputs)
    scales = q.scale * 128 / (reach * source.q.scale) * 10 ** rng.uniform(-0.5, 0.3, outputs)
    bias = rng.integers(-int(reach), int(reach) + 1, outputs)
    axis, name = 3 if depthwise else 0, source.tensor
    tensors = [
        source.tensor,
        graph.tensor(f"weights{name}", "int8", shape, scale=scales, dimension=axis, data=weights),
        graph.tensor(f"bias{name}", "int32", [outputs], scale=source.q.scale * scales, data=bias),
    ]
    result = activation(graph, f"value{name}", (1, *output, outputs), q)
    fields = {**options, "fusedActivationFunction": int(relu)} | ({"depthMultiplier": 1} if depthwise else {})
    kind = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
    graph.operator(kind[0], tensors, [result], kind[1], fields)
    return _Image(result, output, outputs, q)
