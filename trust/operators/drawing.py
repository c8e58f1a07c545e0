"""Parts that the draws of all operators share: quantisations, from ordinary to extreme, and shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter

ACTIVATIONS = (0, 0, 1, 2, 3)  # none, none, relu, relu_n1_to_1, relu6


def draw_quantization(rng: np.random.Generator) -> Quantization:
    """Draw scale and zero point of an activation: the ends of int8 come up often."""
    zero_point = int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128)), int(rng.integers(-128, 128))]))
    return Quantization(float(np.float32(10 ** rng.uniform(-3, 0))), zero_point)


def activation(graph: GraphWriter, name: str, shape: Sequence[int], q: Quantization) -> int:
    """Add an int8 activation."""
    return graph.tensor(name, "int8", shape, scale=q.scale, zero_point=q.zero_point)


def draw_window(rng: np.random.Generator, *, largest: int = 7) -> tuple[list[int], dict[str, int]]:
    """Draw a kernel (rows, columns) and the options of a window: strides, dilation, padding."""
    kernel = [int(n) for n in rng.integers(1, largest + 1, 2)]
    options = {
        "padding": int(rng.integers(0, 2)),
        "strideH": int(rng.integers(1, 4)),
        "strideW": int(rng.integers(1, 4)),
    }
    return kernel, options


def outputs_of(
    image: Sequence[int], kernel: Sequence[int], options: dict[str, int]
) -> tuple[int, int] | None:
    """Return the rows and columns that a window leaves, by TensorFlow Lite's formula; None where nothing is left."""
    counts = []
    for size, taps, axis in zip(image, kernel, "HW", strict=True):
        step, apart = options[f"stride{axis}"], options.get(f"dilation{axis}Factor", 1)
        reach = (taps - 1) * apart + 1
        counts.append(-(-size // step) if options["padding"] == 0 else (size - reach) // step + 1)
    return (counts[0], counts[1]) if min(counts) > 0 else None


def accumulator_output(rng: np.random.Generator, reach: float, scale: float) -> Quantization:
    """Draw the quantisation of a result so that its codes are neither all equal nor all at the ends.

    Args:
        reach: about how far accumulators go.
        scale: of the accumulator.
    """
    spread = float(10 ** rng.uniform(-0.7, 0.5))
    q = draw_quantization(rng)
    return Quantization(float(np.float32(max(reach * scale / 128 * spread, 1e-30))), q.zero_point)


def draw_pool(rng: np.random.Generator, operator: str) -> bytes:
    """Draw a model of one pool: windows of any shape, those over the whole image among them."""
    while True:
        image = [int(n) for n in rng.integers(1, 13, 2)]
        kernel, options = draw_window(rng, largest=int(rng.choice([3, 7])))
        if rng.random() < 0.2:
            kernel = list(image)
        if (output := outputs_of(image, kernel, options)) is not None:
            break
    if rng.random() < 0.05:  # more taps than 16 bits can sum
        image, kernel, output = [17, 18], [17, 18], (1, 1)
        options |= {"padding": 1}
    channels = int(rng.choice([4, 8, int(rng.integers(1, 20))]))
    graph, q = GraphWriter(), draw_quantization(rng)
    first = activation(graph, "input", [1, *image, channels], q)
    last = activation(graph, "output", [1, *output, channels], q)
    fused = int(rng.choice(ACTIVATIONS))
    fields = {
        **options,
        "filterHeight": kernel[0],
        "filterWidth": kernel[1],
        "fusedActivationFunction": fused,
    }
    graph.operator(operator, [first], [last], "Pool2DOptions", fields)
    return graph.finish([first], [last])
