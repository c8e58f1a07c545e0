"""Random dilated convolutions as older converters write them: SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.tflite.graph_writer import GraphWriter
from trust.operators.drawing import ACTIVATIONS, accumulator_output, activation, draw_quantization


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model; of one dimension of space at times."""
    depthwise, flat = rng.random() < 0.4, rng.random() < 0.3
    block, kernel = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
    if flat:
        block[0] = kernel[0] = 1
    before, cut = rng.integers(0, 4, 2), rng.integers(0, 2, (2, 2))
    if flat:
        before[0], cut[0] = 0, 0
    cut[:, 0] = np.minimum(cut[:, 0], before)
    size = np.array([1 if flat else int(rng.integers(4, 9)), int(rng.integers(4, 12))])
    same = bool(rng.random() < 0.3)
    # So many behind that blocks fit, and at least one row is left after what is cut off.
    rows = -(-np.maximum(size + before, (kernel + cut.sum(axis=1)) * block) // block)
    after = rows * block - size - before
    outputs = rows if same else rows - kernel + 1
    inputs = int(rng.integers(1, 6))
    channels = inputs * int(rng.integers(1, 3)) if depthwise else int(rng.integers(1, 6))
    graph, q = GraphWriter(), draw_quantization(rng)
    weights_shape = (1, *kernel, channels) if depthwise else (channels, *kernel, inputs)
    scales = (10 ** rng.uniform(-4, -1, channels)).astype(np.float32)
    weights = rng.integers(-127, 128, weights_shape).astype(np.int8)
    reach = 127.0 * 64 * np.sqrt(weights.size // channels)
    q_out = accumulator_output(rng, reach, float(q.scale) * float(np.median(scales)))
    phases = int(block.prod())
    middle, result = [phases, *rows, inputs], [phases, *outputs, channels]
    first = activation(graph, "input", _space([1, *size, inputs], flat=flat), q)
    spread = activation(graph, "spread", _space(middle, flat=flat), q)
    added = np.stack([before, after], 1)
    _phases(graph, "SPACE_TO_BATCH_ND", first, block=block, margins=added, result=spread, flat=flat)
    if flat:
        axis = graph.tensor("axis", "int32", [], data=np.array(-3))
        wide = activation(graph, "wide", middle, q)
        graph.operator("EXPAND_DIMS", [spread, axis], [wide], "ExpandDimsOptions")
        spread = wide
    tensors = [
        spread,
        graph.tensor(
            "weights", "int8", weights_shape, scale=scales, dimension=3 if depthwise else 0, data=weights
        ),
        graph.tensor(
            "bias",
            "int32",
            [channels],
            scale=q.scale * scales.astype(float),
            data=rng.integers(-int(reach), int(reach) + 1, channels),
        ),
    ]
    summed = activation(graph, "summed", result, q_out)
    fields = {"padding": 0 if same else 1, "strideH": 1, "strideW": 1}
    fields["fusedActivationFunction"] = int(rng.choice(ACTIVATIONS))
    if depthwise:
        fields["depthMultiplier"] = channels // inputs
    operator, options = (
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
    )
    graph.operator(operator, tensors, [summed], options, fields)
    if flat:
        to = [-1, *result[2:]]
        narrow = activation(graph, "narrow", _space(result, flat=True), q_out)
        shape = graph.tensor("shape", "int32", [3], data=np.array(to))
        graph.operator("RESHAPE", [summed, shape], [narrow], "ReshapeOptions")
        summed = narrow
    whole = [1, *(outputs * block - cut.sum(axis=1)), channels]
    last = activation(graph, "output", _space(whole, flat=flat), q_out)
    _phases(graph, "BATCH_TO_SPACE_ND", summed, block=block, margins=cut, result=last, flat=flat)
    return graph.finish([first], [last])


def _phases(
    graph: GraphWriter,
    operator: str,
    source: int,
    *,
    block: NDArray[np.int64],
    margins: NDArray[np.int64],
    result: int,
    flat: bool,
) -> None:
    """Add one of the two operators."""
    block, margins = (block[1:], margins[1:]) if flat else (block, margins)
    tensors = [
        source,
        graph.tensor(f"block of {operator}", "int32", block.shape, data=block),
        graph.tensor(f"margins of {operator}", "int32", margins.shape, data=margins),
    ]
    options = "SpaceToBatchNDOptions" if operator.startswith("SPACE") else "BatchToSpaceNDOptions"
    graph.operator(operator, tensors, [result], options)


def _space(shape: list[int], *, flat: bool) -> list[int]:
    """The shape as it is, or without its second dimension."""
    return [int(n) for at, n in enumerate(shape) if not (flat and at == 1)]
