"""A network of any supported operators: values, and the nodes that make one value of others."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.graph.network import Network
from tinysine.quantization import Quantization, Rounding


@dataclass(frozen=True)
class Value:
    """One tensor that is computed, or given at an input of the model.

    Attributes:
        name: as in the file.
        dtype: np.int8, np.uint8 or np.float32.
        shape: of one inference, each dimension at least 1; empty for a single value without dimensions.
        quantization: of its codes; None for float32.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    quantization: Quantization | None

    @property
    def count(self) -> int:
        """Elements of one inference."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of one inference."""
        return self.count * self.dtype.itemsize

    @property
    def codes(self) -> Quantization:
        """Its quantisation, where it has one."""
        assert self.quantization is not None
        return self.quantization


@dataclass(frozen=True, eq=False)
class Node:
    """One operator at work. Each kind is a class of its own, in tinysine/graph or, of one operator, its operators/.

    Attributes:
        operator: its name in the schema, such as "CONV_2D".
        sources: the values that it reads.
        result: the value that it writes.
    """

    operator: str
    sources: tuple[Value, ...]
    result: Value

    @property
    def source(self) -> Value:
        """The first value that it reads; the only one of most operators."""
        return self.sources[0]

    @property
    def multiply_accumulates(self) -> int:
        """Per inference."""
        return 0

    def with_rounding(self, rounding: Rounding) -> Node:
        """Return the node with integers that equal a reference; itself where the two do not differ.

        Raises:
            ModelError: no integers equal the reference, or it has no answer.
        """
        del rounding
        return self


@dataclass(frozen=True, eq=False)
class Graph(Network):
    """A network of nodes, in an order in which each finds its sources ready.

    Attributes:
        nodes: at least one.
        given: the value of each input of the model, in the model's order.
        wanted: the value of each output of the model, in the model's order.
    """

    nodes: tuple[Node, ...]
    given: tuple[Value, ...]
    wanted: tuple[Value, ...]

    @property
    def multiply_accumulates(self) -> int:
        """Per inference, over all nodes."""
        return sum(node.multiply_accumulates for node in self.nodes)


def graph_with_rounding(graph: Graph, rounding: Rounding) -> Graph:
    """Return the graph with integers that equal a reference.

    Args:
        graph: as read from a file.
        rounding: which reference.
    Raises:
        ModelError: as `Node.with_rounding`.
    """
    return dataclasses.replace(graph, nodes=tuple(node.with_rounding(rounding) for node in graph.nodes))
