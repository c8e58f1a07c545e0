"""Random CONV_2D: kernels of 1 to 7 and not square, strides, dilation, groups, odd channel counts; 3 x 3 often."""

from __future__ import annotations

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import (
    ACTIVATIONS,
    accumulator_output,
    activation,
    draw_quantization,
    draw_window,
    outputs_of,
)


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model."""
    if rng.random() < 0.4:
        return draw_3x3(rng)
    # Shapes that have kernels of their own come up often: one tap, and the first layer of networks that see.
    kind = rng.choice(["any", "pointwise", "rgb"], p=[0.5, 0.3, 0.2])
    while True:
        kernel, options = draw_window(rng)
        if kind == "pointwise":
            kernel = [1, 1]
            options |= {"strideH": 1, "strideW": 1}
        elif kind == "rgb":
            kernel = [3, 3]
            options["strideW"] = int(rng.choice([2, 2, 2, options["strideW"]]))
        elif rng.random() < 0.3:
            options["dilationHFactor"], options["dilationWFactor"] = (int(n) for n in rng.integers(1, 4, 2))
        image = [int(n) for n in rng.integers(1, 13, 2)]
        if kind == "pointwise" and rng.random() < 0.2:
            image = [1, 1]
        if (output := outputs_of(image, kernel, options)) is not None:
            break
    groups = int(rng.choice([1, 1, 1, 2, 3])) if kind == "any" else 1
    inputs, outputs = groups * int(rng.integers(1, 10)), groups * int(rng.integers(1, 10))
    if kind == "rgb":
        inputs = 3
        outputs = int(rng.choice([4, 4 * int(rng.integers(1, 4)), outputs], p=[0.5, 0.3, 0.2]))
    elif kind == "pointwise":
        inputs = int(rng.choice([8, 8, 8, 4 * int(rng.integers(1, 20))]))
        outputs = int(rng.choice([4 * int(rng.integers(1, 5)), outputs], p=[0.75, 0.25]))
    elif rng.random() < 0.1:
        kernel = [1, 1]
        output = outputs_of(image, kernel, options) or output
    return write_convolution(
        rng,
        "CONV_2D",
        "Conv2DOptions",
        shape=(1, *image, inputs),
        weights_shape=(outputs, *kernel, inputs // groups),
        dimension=0,
        result=(1, *output, outputs),
        options=options,
        usual=0.0 if kind == "any" else 0.7,  # what their own kernels are for
    )


def draw_3x3(rng: np.random.Generator) -> bytes:
    """Draw one with 3 x 3 taps and stride 1, which kernels of their own run: from few channels to sums beyond 2**22."""
    options = {"padding": int(rng.integers(0, 2)), "strideH": 1, "strideW": 1}
    image = [int(n) for n in rng.integers(3, rng.choice([6, 14]), 2)]
    output = outputs_of(image, [3, 3], options)
    assert output is not None
    inputs = int(rng.choice([1, 8, 10, 16, 30, 32, 48, int(rng.integers(1, 50))]))
    outputs = int(rng.integers(1, 17))
    return write_convolution(
        rng,
        "CONV_2D",
        "Conv2DOptions",
        shape=(1, *image, inputs),
        weights_shape=(outputs, 3, 3, inputs),
        dimension=0,
        result=(1, *output, outputs),
        options=options,
    )


def write_convolution(
    rng: np.random.Generator,
    operator: str,
    options_name: str,
    *,
    shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    dimension: int,
    result: tuple[int, ...],
    options: dict[str, int],
    usual: float = 0.0,
    most: int = 127,
) -> bytes:
    """Write a model of one convolution with random weights, bias and quantisation.

    Args:
        rng: random numbers.
        operator, options_name: as in the schema.
        shape, weights_shape, result: as in the file.
        dimension: of the weights, that the scales go along.
        options: without the fused activation.
        usual: how often it is like the layers of networks: relu, and scales of about one size.
        most: of a weight; where it is small, the next accumulators have the next codes.
    """
    graph, q = GraphWriter(), draw_quantization(rng)
    outputs = weights_shape[dimension]
    per_channel = outputs > 1 and rng.random() < 0.7
    is_usual = usual > 0 and bool(rng.random() < usual)
    spread = (-2.7, -2.0) if is_usual else (-4.0, -1.0)
    scales = (10 ** rng.uniform(*spread, outputs if per_channel else 1)).astype(np.float32)
    weights = rng.integers(-most, most + 1, weights_shape).astype(np.int8)
    if rng.random() < 0.2:  # sums that saturate
        weights = np.where(rng.random(weights_shape) < 0.5, -most, most).astype(np.int8)
    taps = weights.size // outputs
    reach = float(most) * 64 * np.sqrt(taps)
    bias = rng.integers(-int(reach), int(reach) + 1, outputs).astype(np.int32)
    q_out = accumulator_output(rng, reach, float(q.scale) * float(np.median(scales)))
    first = activation(graph, "input", shape, q)
    tensors = [
        first,
        graph.tensor("weights", "int8", weights_shape, scale=scales, dimension=dimension, data=weights),
    ]
    if operator == "CONV_2D" or rng.random() < 0.7:  # which LiteRT takes with a bias only
        bias_scales = q.scale * scales.astype(float)
        tensors.append(graph.tensor("bias", "int32", (outputs,), scale=bias_scales, data=bias))
    fused = {"fusedActivationFunction": int(rng.choice(ACTIVATIONS))}
    if is_usual or rng.random() < 0.4:  # relu, whose codes begin at the least
        q_out, fused = Quantization(q_out.scale, -128), {"fusedActivationFunction": 1}
    last = activation(graph, "output", result, q_out)
    graph.operator(operator, tensors, [last], options_name, {**options, **fused})
    return graph.finish([first], [last])
