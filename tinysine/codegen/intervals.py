"""The least and the greatest code of every element of a graph, over all inputs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import FullyConnected, Graph, Node, Value
from tinysine.graph.convolution import Convolution
from tinysine.graph.lookup import Lookup
from tinysine.graph.operators.concatenation import Concatenation
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.graph.operators.reshape import Reshape
from tinysine.graph.padding import Pad
from tinysine.graph.pairs import Pair
from tinysine.graph.pooling import Pool
from tinysine.graph.reduction import Reduction
from tinysine.oracles.integer.convolution import requantized, sums
from tinysine.oracles.integer.fully_connected import requantized_layer
from tinysine.oracles.integer.nodes import RUNNERS
from tinysine.quantization import Rounding

# More of its sources' codes never makes their result less.
_MONOTONE = (Pool, Reduction, Pad, Concatenation, Reshape)
_KNOWN = (Convolution, DenseNode, Lookup, Pair, *_MONOTONE)


@dataclass(frozen=True, eq=False)
class Interval:
    """Codes between which each element of a value is, whatever the inputs are.

    Attributes:
        low, high: [count] in the value's dtype, both ends included.
    """

    low: NDArray[Any]
    high: NDArray[Any]


def intervals(graph: Graph, rounding: Rounding) -> dict[int, Interval]:
    """Return the interval of each value by its id(); float32 values have none.

    Args:
        graph: as `graph_with_rounding` has made it.
        rounding: the same.
    """
    known = {id(value): _anything(value) for value in graph.given if value.dtype != np.float32}
    for node in graph.nodes:
        if node.result.dtype != np.float32:
            sources = [known.get(id(value)) for value in node.sources]
            known[id(node.result)] = _of_node(node, sources, rounding)
    return known


def _anything(value: Value) -> Interval:
    limits = np.iinfo(value.dtype)
    return Interval(*(np.full(value.count, end, value.dtype) for end in (limits.min, limits.max)))


def _of_node(node: Node, sources: Sequence[Interval | None], rounding: Rounding) -> Interval:
    there = [source for source in sources if source is not None]
    if len(there) < len(sources) or not isinstance(node, _KNOWN):
        return _anything(node.result)
    found: Interval
    if isinstance(node, Convolution):
        found = _of_convolution(node, there[0])
    elif isinstance(node, DenseNode):
        found = layer_interval(node.layer, there[0], rounding)
    elif isinstance(node, Lookup):
        found = _of_lookup(node, there[0], rounding)
    elif isinstance(node, Pair):
        found = _of_pair(node, there, rounding)
    else:
        ends = ([source.low for source in there], [source.high for source in there])
        found = Interval(*(_run(node, end, rounding)[0] for end in ends))
    return found


def _of_pair(node: Pair, sources: Sequence[Interval], rounding: Rounding) -> Interval:
    """Each operand by itself moves the result in one direction, so that the ends are among the corners."""
    corners = itertools.product(*((source.low, source.high) for source in sources))
    answers = np.concatenate([_run(node, corner, rounding) for corner in corners])
    return Interval(answers.min(axis=0), answers.max(axis=0))


def _run(node: Node, sources: Sequence[NDArray[Any]], rounding: Rounding) -> NDArray[Any]:
    return RUNNERS[node.operator](node, tuple(source[None] for source in sources), rounding)


def _of_convolution(node: Convolution, source: Interval) -> Interval:
    zero_point = node.source.codes.zero_point
    low, high = (
        end.reshape(node.source.shape).astype(np.float64) - zero_point for end in (source.low, source.high)
    )
    up, down = (dataclasses.replace(node, weights=part(node.weights, 0)) for part in (np.maximum, np.minimum))
    ends = (sums(up, low) + sums(down, high), sums(up, high) + sums(down, low))
    return Interval(*(requantized(node, end).reshape(-1) for end in ends))


def layer_interval(layer: FullyConnected, source: Interval, rounding: Rounding) -> Interval:
    """Return the interval of a dense layer's outputs, of one row of inputs or of several."""
    low, high = (
        end.reshape(-1, layer.inputs).astype(np.float64) - layer.input.zero_point
        for end in (source.low, source.high)
    )
    up, down = (part(layer.weights, 0).T.astype(np.float64) for part in (np.maximum, np.minimum))
    ends = (low @ up + high @ down, high @ up + low @ down)
    return Interval(*(requantized_layer(layer, end, rounding).reshape(-1) for end in ends))


def _of_lookup(node: Lookup, source: Interval, rounding: Rounding) -> Interval:
    table, least = node.table(rounding), np.iinfo(node.source.dtype).min
    lowest, highest = np.empty(
        (2, 256, 256), table.dtype
    )  # between two codes, the first of them not the greater
    for first in range(256):
        lowest[first, first:] = np.minimum.accumulate(table[first:])
        highest[first, first:] = np.maximum.accumulate(table[first:])
    at = source.low.astype(np.int64) - least, source.high.astype(np.int64) - least
    return Interval(lowest[at], highest[at])
