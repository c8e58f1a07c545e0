"""SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND are one dilated convolution, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import Graph, graph_with_rounding, parse_network, read_network
from tinysine.graph.convolution import Convolution
from tinysine.oracles import integer_oracle, litert_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter

CASES = Path(__file__).parents[1] / "cases"


def dilated(
    *,
    block: Any = (2, 2),
    back: Any = (2, 2),
    pads: Any = ((2, 2), (2, 2)),
    crops: Any = ((0, 0), (0, 0)),
    shape: tuple[int, ...] = (1, 4, 4, 1),
    spread: tuple[int, ...] = (1, 4, 4, 1),
    summed: tuple[int, ...] = (1, 2, 2, 1),
    last: tuple[int, ...] = (1, 4, 4, 1),
    stride: int = 1,
    scale: float = 0.1,
    shown: bool = False,
    missing: str = "",
) -> bytes:
    """Write a 3x3 convolution of dilation 2 with a free batch, as the converter does; what is not changed is sound."""
    graph = GraphWriter()

    def ints(name: str, values: Any) -> int:
        array = np.array(values, np.int32)
        return graph.tensor(name, "int32", array.shape, data=array)

    codes = [
        graph.tensor(name, "int8", each, scale=0.1)
        for name, each in (("image", shape), ("spread", spread), ("summed", summed))
    ]
    codes.append(graph.tensor("last", "int8", last, scale=scale))
    weights = graph.tensor("weights", "int8", (1, 3, 3, 1), scale=0.1, data=np.arange(9))
    bias = graph.tensor("bias", "int32", (1,), scale=0.01, data=np.array([5]))
    if missing != "SPACE_TO_BATCH_ND":
        tensors = [codes[0], ints("block", block), ints("pads", pads)]
        graph.operator("SPACE_TO_BATCH_ND", tensors, [codes[1]], "SpaceToBatchNDOptions")
    else:
        codes[0] = codes[1]
    options = {"padding": 1, "strideH": stride, "strideW": stride}
    graph.operator("CONV_2D", [codes[1], weights, bias], [codes[2]], "Conv2DOptions", options)
    if missing != "BATCH_TO_SPACE_ND":
        tensors = [codes[2], ints("back", back), ints("crops", crops)]
        graph.operator("BATCH_TO_SPACE_ND", tensors, [codes[3]], "BatchToSpaceNDOptions")
    else:
        codes[3] = codes[2]
    return graph.finish([codes[0]], [codes[3], codes[2]] if shown else [codes[3]])


def test_a_free_batch_becomes_one_dilated_convolution_that_equals_litert() -> None:
    """The file has 1 in the place of the batch, also where that is of four phases."""
    network = parse_network(dilated(), file="m.tflite")
    assert isinstance(network, Graph)
    (node,) = network.nodes
    assert isinstance(node, Convolution)
    assert (node.window.dilation, node.window.before, node.window.output) == ((2, 2), (2, 2), (4, 4))
    inputs = sample_inputs(network, seed=0, count=20).codes
    expected = litert_oracle(network).run(inputs)
    np.testing.assert_array_equal(integer_oracle(network, Rounding.LITERT).run(inputs), expected)


def test_padding_that_tflm_leaves_to_chance_has_no_answer_to_equal() -> None:
    """TensorFlow Lite Micro never sets the number that it pads SPACE_TO_BATCH_ND with."""
    network = parse_network(dilated(), file="m.tflite")
    assert isinstance(network, Graph)
    with pytest.raises(ModelError, match="has not set"):
        graph_with_rounding(network, Rounding.TFLM)
    bare = parse_network(dilated(pads=((0, 0), (0, 0)), shape=(1, 8, 8, 1)), file="m.tflite")
    assert isinstance(bare, Graph)
    graph_with_rounding(bare, Rounding.TFLM)


@pytest.mark.parametrize(
    ("changes", "problem", "operator", "tensor"),
    [
        ({"missing": "SPACE_TO_BATCH_ND"}, "only as a part", "BATCH_TO_SPACE_ND", "last"),
        ({"missing": "BATCH_TO_SPACE_ND"}, "only as a part", "SPACE_TO_BATCH_ND", "spread"),
        ({"shown": True}, "only as a part", "SPACE_TO_BATCH_ND", "spread"),
        ({"stride": 2, "summed": (1, 1, 1, 1), "last": (1, 2, 2, 1)}, "only as a part", "SPACE_TO_BATCH_ND", "spread"),
        ({"back": (2, 1), "last": (1, 4, 2, 1)}, "only as a part", "SPACE_TO_BATCH_ND", "spread"),
        ({"crops": ((3, 0), (0, 0)), "last": (1, 1, 4, 1)}, "only as a part", "SPACE_TO_BATCH_ND", "spread"),
        ({"crops": ((4, 0), (0, 0))}, "leaves nothing", "BATCH_TO_SPACE_ND", "last"),
        ({"pads": ((2, 1), (2, 2))}, "leaves a rest", "SPACE_TO_BATCH_ND", "spread"),
        ({"pads": ((2, -2), (2, 2))}, "from 0", "SPACE_TO_BATCH_ND", "spread"),
        ({"block": (0, 2)}, "each from 1", "SPACE_TO_BATCH_ND", "spread"),
        ({"block": (2,)}, "has a block of shape [1]", "SPACE_TO_BATCH_ND", "spread"),
        ({"shape": (4, 4), "block": ()}, "has an input of 2 dimensions", "SPACE_TO_BATCH_ND", "spread"),
        ({"spread": (1, 4, 5, 1)}, "operator makes", "SPACE_TO_BATCH_ND", "spread"),
        ({"spread": (3, 4, 4, 1)}, "operator makes", "SPACE_TO_BATCH_ND", "spread"),
        ({"last": (1, 4, 5, 1)}, "operator makes", "BATCH_TO_SPACE_ND", "last"),
        ({"scale": 0.2}, "must be equal", "BATCH_TO_SPACE_ND", "summed"),
    ],
)  # fmt: skip
def test_steps_that_are_no_dilated_convolution_are_refused_in_one_line(
    changes: dict[str, Any], problem: str, operator: str, tensor: str
) -> None:
    """Operator and tensor are told."""
    with pytest.raises(ModelError) as caught:
        parse_network(dilated(**changes), file="m.tflite")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (caught.value.facts["operator"], caught.value.facts["tensor"]) == (operator, tensor)


@pytest.mark.parametrize("name", ["free_batch", "free_batch_1d"])
def test_what_keras_writes_with_a_free_batch_equals_litert(name: str) -> None:
    """A residual, a concatenation, dilated convolutions and Flatten, as TensorFlow's converter writes them."""
    network = read_network(CASES / f"{name}.tflite")
    assert isinstance(network, Graph)
    assert "FULLY_CONNECTED" in {node.operator for node in network.nodes}
    inputs = sample_inputs(network, seed=1, count=20).codes
    expected = litert_oracle(network).run(inputs)
    np.testing.assert_array_equal(integer_oracle(network, Rounding.LITERT).run(inputs), expected)
