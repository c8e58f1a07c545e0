"""Channels of a graph that are proved constant over all inputs, folded into the biases of what reads them.

Forwards, intervals show which channels never change. Backwards, from the outputs, it is found which channels anything
needs: a convolution or a dense layer needs no channel whose one code it can have in its bias. A channel that nothing
needs is left out, and with it whatever only served to compute it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen.intervals import Interval, intervals
from tinysine.codegen.prune import without_inputs, without_outputs
from tinysine.graph import Graph, Node, Value
from tinysine.graph.convolution import Convolution
from tinysine.graph.lookup import Lookup
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.graph.operators.reshape import Reshape
from tinysine.graph.padding import Pad
from tinysine.graph.pooling import Pool
from tinysine.graph.reduction import Reduction
from tinysine.quantization import Rounding

_BLOCK = 4  # channels at a time in the fast kernels: a count of them that is a multiple of it stays one
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PrunedChannels:
    """Channels of one layer that were left out.

    Attributes:
        layer: number of its node, from 0.
        tensor: that it makes, as in the file.
        left_out: how many.
        channels: how many there were.
    """

    layer: int
    tensor: str
    left_out: int
    channels: int

    def __str__(self) -> str:
        """Return it as a report has it."""
        return f"{self.left_out} of {self.channels} channels of layer {self.layer}, {self.tensor!r}"


def prune_graph(graph: Graph, rounding: Rounding) -> tuple[Graph, tuple[PrunedChannels, ...]]:
    """Leave out every channel that no output depends on, over all inputs.

    Args:
        graph: as `graph_with_rounding` has made it.
        rounding: which reference the answers equal.
    Returns:
        (the same function in fewer channels, what was left out). Each value keeps one channel at least.
    """
    constant = {key: _constant_channels(interval) for key, interval in _by_channel(graph, rounding).items()}
    needed = _needed(graph, constant)
    kept = _kept(graph, needed)
    values: dict[int, Value] = {}
    for value in (*graph.given, *(node.result for node in graph.nodes)):
        keep = kept[id(value)]
        values[id(value)] = value if keep.all() else _narrowed(value, keep)
    nodes = tuple(_rebuilt(node, kept, values, constant) for node in graph.nodes)
    pruned = tuple(
        PrunedChannels(number, node.result.name, int((~keep).sum()), keep.size)
        for number, node in enumerate(graph.nodes)
        if not (keep := kept[id(node.result)]).all()
    )
    return dataclasses.replace(graph, nodes=nodes), pruned


def _channels(value: Value) -> int:
    return value.shape[-1] if value.shape else 1


def _by_channel(graph: Graph, rounding: Rounding) -> dict[int, Interval]:
    """Return intervals [elements of a channel, channels] by the id() of values."""
    values = {id(value): value for value in (*graph.given, *(node.result for node in graph.nodes))}
    return {
        key: Interval(*(end.reshape(-1, _channels(values[key])) for end in (found.low, found.high)))
        for key, found in intervals(graph, rounding).items()
    }


def _constant_channels(interval: Interval) -> tuple[Mask, NDArray[Any]]:
    """Return which channels always have one code, everywhere, and the codes [channels] of these."""
    first = interval.low[0]
    return ((interval.low == first) & (interval.high == first)).all(axis=0), first


def _needed(graph: Graph, constant: dict[int, tuple[Mask, NDArray[Any]]]) -> dict[int, Mask]:
    """Return the channels of each value that an output depends on, and those that stay with them."""
    needed = {
        id(value): np.zeros(_channels(value), bool)
        for value in (*graph.given, *(node.result for node in graph.nodes))
    }
    for value in graph.wanted:
        needed[id(value)][:] = True
    for node in reversed(graph.nodes):
        result = needed[id(node.result)]
        if _mixes(node):
            _fill_up(result)
        for value in node.sources:
            needed[id(value)] |= _needed_of(node, value, result, constant)
    return needed


def _mixes(node: Node) -> bool:
    """Tell whether each output channel is made of all input channels, so that both can be left out one by one."""
    return isinstance(node, DenseNode) or (isinstance(node, Convolution) and node.groups == 1)


def _fill_up(needed: Mask) -> None:
    """Keep one channel at least, and a multiple of _BLOCK where there was one."""
    block = 1 if needed.size % _BLOCK else _BLOCK
    count = max(-(-int(needed.sum()) // block) * block, 1)
    needed[np.flatnonzero(~needed)[: count - int(needed.sum())]] = True


def _needed_of(
    node: Node, value: Value, result: Mask, constant: dict[int, tuple[Mask, NDArray[Any]]]
) -> Mask:
    """Return the channels of one source that a node needs."""
    channels = _channels(value)
    everything = np.ones(channels, bool)
    if _mixes(node) and id(value) in constant:
        is_constant, codes = constant[id(value)]
        if isinstance(node, Convolution) and _is_padded(
            node
        ):  # padding has the zero point there, not the code
            is_constant = is_constant & (codes == value.codes.zero_point)
        if isinstance(node, DenseNode) and node.layer.inputs % channels:
            return everything
        return ~is_constant
    if (each := _carried(node, value)) == 0:
        return everything
    rows = result.reshape(-1, channels).T if isinstance(node, Reshape) else result.reshape(channels, each)
    needed: Mask = np.logical_or.reduce(rows, axis=1)
    return needed


def _carried(node: Node, value: Value) -> int:
    """Return of how many channels of the result one channel of the source is the only one; 0 where that is not so."""
    channels, results = _channels(value), _channels(node.result)
    if isinstance(node, Convolution):
        return results // channels if node.groups == channels > 1 else 0
    if isinstance(node, Reshape):
        return results // channels if node.result.shape and results % channels == 0 else 0
    if isinstance(node, Reduction):
        return int(len(value.shape) - 1 not in node.axes and results == channels)
    if isinstance(node, Pad):
        return int(node.before[-1] == 0 and results == channels)
    return int(isinstance(node, Lookup | Pool))


def _kept(graph: Graph, needed: dict[int, Mask]) -> dict[int, Mask]:
    """Return the channels of each value that stay: those needed, and those that come with a source's."""
    kept = {id(value): np.ones(_channels(value), bool) for value in graph.given}
    for node in graph.nodes:
        need = needed[id(node.result)]
        if _mixes(node):
            keep = need
        elif len(node.sources) == 1 and (each := _carried(node, node.source)):
            source = kept[id(node.source)]
            keep = np.tile(source, each) if isinstance(node, Reshape) else np.repeat(source, each)
        else:
            keep = np.ones(_channels(node.result), bool)
        assert keep[need].all()
        kept[id(node.result)] = keep
    return kept


def _is_padded(node: Convolution) -> bool:
    window = node.window
    return any(
        before > 0 or (count - 1) * step + (taps - 1) * apart + 1 - before > size
        for before, count, step, taps, apart, size in zip(
            window.before,
            window.output,
            window.stride,
            window.kernel,
            window.dilation,
            node.source.shape[1:3],
            strict=True,
        )
    )


def _narrowed(value: Value, keep: Mask) -> Value:
    return dataclasses.replace(value, shape=(*value.shape[:-1], int(keep.sum())))


def _rebuilt(
    node: Node,
    kept: dict[int, Mask],
    values: dict[int, Value],
    constant: dict[int, tuple[Mask, NDArray[Any]]],
) -> Node:
    """Return the node without the channels that are left out."""
    source, result = kept[id(node.source)], kept[id(node.result)]
    if source.all() and result.all():
        return node
    ends: dict[str, Any] = {
        "sources": tuple(values[id(value)] for value in node.sources),
        "result": values[id(node.result)],
    }
    if isinstance(node, DenseNode):
        repeated = node.layer.inputs // source.size
        codes = constant[id(node.source)][1].astype(np.int8)
        layer = without_inputs(node.layer, np.tile(~source, repeated), np.tile(codes, repeated))
        return dataclasses.replace(node, layer=without_outputs(layer, ~result), **ends)
    if isinstance(node, Convolution):
        weights, bias = node.weights, node.bias
        if node.groups == 1 and not source.all():
            gone = constant[id(node.source)][1][~source].astype(np.int64) - node.source.codes.zero_point
            # Within int32: part of an accumulator that was proved to be.
            bias = (bias + weights[..., ~source].astype(np.int64).sum(axis=(1, 2)) @ gone).astype(np.int32)
            weights = weights[..., source]
        return dataclasses.replace(
            node,
            weights=np.ascontiguousarray(weights[result]),
            bias=bias[result],
            multiplier=node.multiplier[result],
            shift=node.shift[result],
            groups=1 if node.groups == 1 else int(source.sum()),
            **ends,
        )
    return dataclasses.replace(node, **ends)
