"""FULLY_CONNECTED in integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import FullyConnected
from tinysine.quantization import IntArray, Rounding, requantize, wrap_int32

if TYPE_CHECKING:
    from tinysine.graph.operators.fully_connected import DenseNode


def fully_connected_s8(
    codes: NDArray[np.int8], layer: FullyConnected, rounding: Rounding
) -> NDArray[np.int8]:
    """Compute one layer.

    Args:
        codes: int8 [n, layer.inputs].
        layer: of a model that `with_rounding` has gone over.
        rounding: the same.
    Returns:
        int8 [n, layer.outputs].
    """
    # float64 holds every integer below 2**53, and its matrix product is many times as fast as one of integers.
    centred = codes.astype(np.float64) - layer.input.zero_point
    return requantized_layer(layer, centred @ layer.weights.T.astype(np.float64), rounding)


def requantized_layer(
    layer: FullyConnected, total: NDArray[np.float64], rounding: Rounding
) -> NDArray[np.int8]:
    """Add the bias to sums [n, outputs], and return their codes, int8 of the same shape."""
    acc: IntArray = total.astype(np.int64) + layer.bias
    scaled = requantize(wrap_int32(acc), layer.multiplier, layer.shift, rounding)
    result: NDArray[np.int8] = np.clip(
        wrap_int32(scaled + layer.output.zero_point), layer.clamp_min, layer.clamp_max
    ).astype(np.int8)
    return result


def run(node: DenseNode, sources: tuple[NDArray[np.int8], ...], rounding: Rounding) -> NDArray[np.int8]:
    """Compute one node; see tinysine.oracles.integer.nodes."""
    rows = sources[0].reshape(-1, node.layer.inputs)
    return fully_connected_s8(rows, node.layer, rounding).reshape(len(sources[0]), -1)
