"""Random DEPTHWISE_CONV_2D, with depth multipliers."""

from __future__ import annotations

import numpy as np

from trust.operators.conv_2d import write_convolution
from trust.operators.drawing import draw_window, outputs_of


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model. Its strides are equal, for the references take no others with a dilation."""
    # Shapes that have kernels of their own come up often: 3 x 3, and one channel with a stride of 2 columns.
    kind = rng.choice(["any", "3x3", "one channel"], p=[0.4, 0.4, 0.2])
    while True:
        kernel, options = draw_window(rng)
        if kind == "3x3":
            kernel = [3, 3]
            options["strideH"] = options["strideW"] = int(rng.integers(1, 3))
        elif kind == "one channel":
            options["strideH"] = options["strideW"] = 2
        elif rng.random() < 0.3:
            options["dilationHFactor"], options["dilationWFactor"] = (int(n) for n in rng.integers(1, 4, 2))
        image = [int(n) for n in rng.integers(1, 13, 2)]
        if (output := outputs_of(image, kernel, options)) is not None:
            break
    inputs = 1 if kind == "one channel" else int(rng.integers(1, 10))
    multiplier = int(rng.choice([1, 1, 1, 2, 3, 8]))
    options["depthMultiplier"] = multiplier
    return write_convolution(
        rng,
        "DEPTHWISE_CONV_2D",
        "DepthwiseConv2DOptions",
        shape=(1, *image, inputs),
        weights_shape=(1, *kernel, inputs * multiplier),
        dimension=3,
        result=(1, *output, inputs * multiplier),
        options=options,
    )
