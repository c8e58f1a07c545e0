"""What the generated engine understands: a .tflite file followed and checked, and split into integers."""

from tinysine.graph.network import FullyConnected, Network
from tinysine.graph.reader import as_network, parse_network, read_judged, read_network
from tinysine.graph.requantization import accumulator_bounds, with_rounding

__all__ = [
    "FullyConnected",
    "Network",
    "accumulator_bounds",
    "as_network",
    "parse_network",
    "read_judged",
    "read_network",
    "with_rounding",
]
