"""CONV_2D and DEPTHWISE_CONV_2D in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.convolution import Convolution
from tinysine.oracles.integer.windows import seen_by_taps
from tinysine.quantization import Rounding, requantize_double, wrap_int32


def run(node: Convolution, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes. Both references round twice."""
    del rounding
    images = sources[0].reshape(-1, *node.source.shape[1:])
    result = requantized(node, sums(node, images.astype(np.float64) - node.source.codes.zero_point))
    return result.reshape(len(sources[0]), -1)


def requantized(node: Convolution, total: NDArray[np.float64]) -> NDArray[np.int8]:
    """Add the bias to sums [..., outputs], and return their codes, int8 of the same shape."""
    acc = total.astype(np.int64) + node.bias
    scaled = requantize_double(wrap_int32(acc), node.multiplier, node.shift)
    result: NDArray[np.int8] = np.clip(
        scaled + node.result.codes.zero_point, node.clamp_min, node.clamp_max
    ).astype(np.int8)
    return result


def sums(node: Convolution, centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums over the windows, float64 [n, rows, columns, outputs]; it holds every integer below 2**53."""
    total = np.zeros((len(centred), *node.window.output, node.outputs))
    weights = node.weights.astype(np.float64)
    for row, column, seen in seen_by_taps(centred, node.window):
        total += _products(seen, weights[:, row, column], node.groups)
    return total


def _products(seen: NDArray[np.float64], weights: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Return one tap's products with every output; seen [..., inputs], weights [outputs, inputs of a group]."""
    if groups == 1:
        return seen @ weights.T
    outputs_each, inputs_each = len(weights) // groups, weights.shape[1]
    if inputs_each == 1:
        return np.repeat(seen, outputs_each, axis=-1) * weights[:, 0]
    parts = [
        seen[..., group * inputs_each : (group + 1) * inputs_each]
        @ weights[group * outputs_each : (group + 1) * outputs_each].T
        for group in range(groups)
    ]
    return np.concatenate(parts, axis=-1)
