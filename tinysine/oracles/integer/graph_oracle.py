"""A graph in exact integers, some inferences at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import FullyConnected, Graph
from tinysine.graph.operators.fully_connected import DenseNode
from tinysine.oracles.integer.integers import Integers
from tinysine.oracles.integer.nodes import RUNNERS
from tinysine.oracles.oracle import checked_inputs
from tinysine.tensor_values import Values, values_of

BATCH = 16  # inferences at a time: a graph of images takes megabytes each


def dense_layers_of(model: Graph) -> tuple[FullyConnected, ...]:
    """Return the dense layers among the nodes of a graph."""
    return tuple(node.layer for node in model.nodes if isinstance(node, DenseNode))


@dataclass(frozen=True, eq=False)
class GraphOracle(Integers):
    """Oracle of a graph."""

    model: Graph

    def run(self, inputs: Values) -> Values:
        """Compute every inference; see `Oracle`."""
        arrays = checked_inputs(self.model, inputs)
        wanted = {id(value) for value in self.model.wanted}
        results: dict[int, NDArray[Any]] = {}
        for first in range(0, len(arrays[0]), BATCH):
            known = {
                id(value): array[first : first + BATCH]
                for value, array in zip(self.model.given, arrays, strict=True)
            }
            for node in self.model.nodes:
                sources = tuple(known[id(value)] for value in node.sources)
                known[id(node.result)] = RUNNERS[node.operator](node, sources, self.rounding)
            for key in wanted:
                results[key] = np.concatenate([results[key], known[key]]) if first else known[key]
        return values_of([results[id(value)] for value in self.model.wanted])
