"""ADD, SUB and MUL that no engine can run: one line each, which names the operator and the tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import parse_network
from tinysine.tflite.graph_writer import GraphWriter

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}


def pair(operator: str = "ADD", **changes: Any) -> bytes:
    """Write a model of one operator; what is not changed is sound.

    Args:
        operator: as the schema calls it.
        changes: shapes, scales, dtypes of (first, second, result); constants: positions that are constants; inputs: of
            the operator; fused: activation.
    """
    graph = GraphWriter()
    shapes = changes.get("shapes", ((1, 2, 3),) * 3)
    scales = changes.get("scales", (0.1, 0.1, 0.1))
    dtypes = changes.get("dtypes", ("int8",) * 3)
    constants = changes.get("constants", ())
    tensors = [
        graph.tensor(
            name, dtype, shape, scale=scale, data=np.ones(shape, dtype) if place in constants else None
        )
        for place, (name, dtype, shape, scale) in enumerate(
            zip(("one", "other", "result"), dtypes, shapes, scales, strict=True)
        )
    ]
    graph.operator(
        operator,
        changes.get("inputs", tensors[:2]),
        changes.get("outputs", tensors[2:]),
        OPTIONS[operator],
        {"fusedActivationFunction": changes.get("fused", 0)},
    )
    return graph.finish([tensor for tensor in tensors[:2] if tensor not in constants] or tensors[:1], [2])


@pytest.mark.parametrize("operator", OPTIONS)
@pytest.mark.parametrize(
    ("changes", "problem", "tensor"),
    [
        ({"shapes": ((1, 2, 3), (1, 2, 2), (1, 2, 3))}, "do not go together", "result"),
        ({"shapes": ((1, 2, 3), (1, 2, 3), (1, 3, 2))}, "the operator makes [1, 2, 3]", "result"),
        ({"shapes": ((1, 1, 1, 1, 2), (1, 1, 1, 2, 1), (1, 1, 1, 2, 2))}, "broadcasts to 5 dimensions", "result"),
        ({"shapes": ((1,) * 7,) * 3}, "has 7 dimensions", "one"),
        ({"scales": (0.0, 0.1, 0.1)}, "has the scale 0", "one"),
        ({"scales": (0.1, 0.1, 0.0)}, "has the scale 0", "result"),
        ({"scales": (0.1, None, 0.1), "constants": (1,)}, "has no scale", "other"),
        ({"dtypes": ("int32",) * 3, "scales": (None,) * 3}, "int32", "one"),
        ({"dtypes": ("int8", "int32", "int8"), "constants": (1,)}, "has int32 where int8", "other"),
        ({"constants": (0, 1)}, "stored data", "one"),
        ({"fused": 4}, "fused activation tanh", "result"),
        ({"inputs": [0]}, "has 1 inputs", "result"),
        ({"inputs": [0, -1]}, "has no input 1", "result"),
        ({"inputs": [0, 2]}, "a circle", "result"),
        ({"outputs": [0]}, "is written twice", "one"),
    ],
)  # fmt: skip
def test_a_pair_that_makes_no_sense_is_refused_in_one_line(
    operator: str, changes: dict[str, Any], problem: str, tensor: str
) -> None:
    """Operator and tensor are told; of a fault at the model's own input, the tensor."""
    with pytest.raises(ModelError) as caught:
        parse_network(pair(operator, **changes), file="m.tflite")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.facts["tensor"] == tensor
    assert caught.value.facts["operator"] in {operator, None}


def test_scales_that_no_31_bit_multiplier_brings_together_are_refused() -> None:
    """The references stop the program at a factor of 1 or more of a sum; a product may not leave int32."""
    with pytest.raises(ModelError, match="too far apart"):
        parse_network(pair("ADD", scales=(1.0, 1.0, 1e-6)), file="m.tflite")
    with pytest.raises(ModelError, match="too far apart"):
        parse_network(pair("SUB", scales=(0.5, 0.1, 1e-7)), file="m.tflite")
    with pytest.raises(ModelError, match="beyond int32"):
        parse_network(pair("MUL", scales=(1.0, 1.0, 1e-6)), file="m.tflite")
    with pytest.raises(ModelError, match="2\\*\\*30 or more"):
        parse_network(pair("MUL", scales=(1.0, 1.0, 1e-12)), file="m.tflite")


def test_two_constants_are_refused() -> None:
    """A sum that is a constant is the converter's to make."""
    graph = GraphWriter()
    fed = graph.tensor("fed", "int8", (1, 2), scale=0.1)
    one = graph.tensor("one", "int8", (1, 2), scale=0.1, data=np.ones((1, 2), np.int8))
    total = graph.tensor("total", "int8", (1, 2), scale=0.1)
    result = graph.tensor("result", "int8", (1, 2), scale=0.1)
    graph.operator("ADD", [one, one], [total], "AddOptions")
    graph.operator("ADD", [fed, total], [result], "AddOptions")
    with pytest.raises(ModelError, match="two constants"):
        parse_network(graph.finish([fed], [result]), file="m.tflite")
