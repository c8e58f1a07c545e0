"""The arithmetic of a graph's operators for one reference."""

from __future__ import annotations

import dataclasses

from tinysine.graph.dilation import DilatedConvolution
from tinysine.graph.graph import Graph
from tinysine.graph.lookup import Lookup
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.quantization import Rounding


def graph_with_rounding(graph: Graph, rounding: Rounding) -> Graph:
    """Return the graph with integers that equal a reference; dense layers and some tables differ.

    Args:
        graph: as read from a file.
        rounding: which reference.
    Raises:
        ModelError: as `with_rounding`, or an operator to which the reference has no answer.
    """
    nodes = tuple(
        node.with_rounding(rounding) if isinstance(node, DenseNode | DilatedConvolution | Lookup) else node
        for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=nodes)
