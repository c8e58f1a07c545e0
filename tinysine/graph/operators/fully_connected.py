"""FULLY_CONNECTED: a matrix times each row of the input."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.layer_reader import read_layer
from tinysine.graph.network import FullyConnected
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.requantization import layer_with_rounding
from tinysine.quantization import Rounding


@dataclass(frozen=True, eq=False)
class DenseNode(Node):
    """A fully-connected layer in a graph.

    Attributes:
        layer: what is computed for each row.
        rows: how many there are in one inference.
    """

    layer: FullyConnected
    rows: int

    @property
    def multiply_accumulates(self) -> int:
        """Per inference."""
        return self.layer.weights.size * self.rows

    def with_rounding(self, rounding: Rounding) -> DenseNode:
        """Return the node with integers that equal a reference; see tinysine.graph.requantization."""
        return dataclasses.replace(self, layer=layer_with_rounding(self.layer, rounding))


def read(reader: OperatorReader) -> DenseNode:
    """Read one dense layer.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(2, 3)
    source = reader.source(0)
    # Its data is counted; what is checked of it, read_layer checks.
    for position in (1, 2):
        if reader.has(position):
            reader.count(position)
    layer = read_layer(
        reader.tflite, reader.raw_operator, reader.tensor(0), reader.raw_result, file=reader.file
    )
    reader.count_neurons(layer.outputs)
    result = reader.result(shape=reader.raw_result.shape)
    return DenseNode(
        operator=reader.name,
        sources=(source,),
        result=result,
        layer=layer,
        rows=source.count // layer.inputs,
    )
