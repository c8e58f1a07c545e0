"""Model of the networks that the generated engine supports: a .tflite file, checked, as integers."""

from tinysine.graph.graph import Graph, Node, Value, graph_with_rounding
from tinysine.graph.network import DenseChain, FullyConnected, Network
from tinysine.graph.reader import as_network, parse_chain, parse_network, read_judged, read_network
from tinysine.graph.requantization import accumulator_bounds, with_float32_product, with_rounding

__all__ = [
    "DenseChain",
    "FullyConnected",
    "Graph",
    "Network",
    "Node",
    "Value",
    "accumulator_bounds",
    "as_network",
    "graph_with_rounding",
    "parse_chain",
    "parse_network",
    "read_judged",
    "read_network",
    "with_float32_product",
    "with_rounding",
]
