"""A model cut off behind a layer answers what LiteRT keeps of that layer; files that cannot be cut are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.model import REFERENCE_MODEL, parse_model, read_tflite
from tinysine.tflite.cut import CutPoint, cut_behind, cut_points
from tinysine.tflite.flatbuffer import Damaged, Table

CASES = Path(__file__).parents[1] / "cases"
Edit = Callable[[Any], None]
FILES = (REFERENCE_MODEL, *(CASES / f"{name}.tflite" for name in ("batch8", "softmax_end", "conv_residual")))


def interpreter(data: bytes, *, keep: bool = False) -> Interpreter:
    """LiteRT's reference kernels; `keep`: every intermediate tensor can be asked for afterwards."""
    made = Interpreter(
        model_content=data,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=keep,
    )
    made.allocate_tensors()
    return made


def ask(asked: Interpreter, codes: NDArray[Any]) -> None:
    """Run one inference."""
    asked.set_tensor(asked.get_input_details()[0]["index"], codes)
    asked.invoke()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cut_model_answers_the_intermediate_tensor(path: Path) -> None:
    """Dense layers, a convolution, an addition of two branches: cut behind each, equal to what LiteRT preserves."""
    data, rng = read_tflite(path), np.random.default_rng(0)
    whole = interpreter(data, keep=True)
    codes = rng.integers(-128, 128, whole.get_input_details()[0]["shape"]).astype(np.int8)
    ask(whole, codes)
    points = cut_points(data, file="whole")
    assert len(points) >= 2
    for point in points:
        cut = cut_behind(data, point, file="whole")
        assert len(cut) == len(data)
        part = interpreter(cut)
        ask(part, codes)
        (output,) = part.get_output_details()
        assert output["name"] == point.name
        np.testing.assert_array_equal(part.get_tensor(output["index"]), whole.get_tensor(point.tensor))
        assert parse_model(cut, file="cut").output.name == point.name
    assert cut_behind(data, points[-1], file="whole") is data


def test_points_are_numbered_as_operators_are() -> None:
    """An operator has the name of the schema, and each tensor that it writes is a point."""
    points = cut_points((CASES / "conv_residual.tflite").read_bytes(), file="conv")
    assert [point.layer for point in points] == list(range(7))
    operators = "CONV_2D DEPTHWISE_CONV_2D ADD AVERAGE_POOL_2D RESHAPE FULLY_CONNECTED SOFTMAX"
    assert [point.operator for point in points] == operators.split()


def test_several_outputs_and_signatures_go(good: bytes, edited: Callable[[Edit], bytes]) -> None:
    """Whatever the file ended with, the cut model ends with one tensor, and no signature names another."""

    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        graph = model.subgraphs[0]
        graph.outputs = [graph.outputs[0], graph.operators[0].outputs[0]]
        model.signatureDefs = [schema.SignatureDefT()]
        model.signatureDefs[0].signatureKey = "serve"
        model.signatureDefs[0].inputs = model.signatureDefs[0].outputs = []

    data = edited(change)
    cut = cut_behind(data, cut_points(data, file="two")[1], file="two")
    (output,) = interpreter(cut).get_output_details()
    assert output["name"] == "dense_0"
    assert not interpreter(cut).get_signature_list()
    assert cut_points(cut, file="two") == cut_points(good, file="good")[:2]


def test_lists_that_share_bytes_are_refused(good: bytes) -> None:
    """Another list of outputs would change the inputs of a layer, too: one line says so."""
    graph = Table.root(good).tables(2)[0]
    first = graph.tables(3)[0].vector(1, 4)
    field = graph._field(2)
    assert first is not None
    assert field is not None
    data = bytearray(good)
    struct.pack_into("<I", data, field, first.start - 4 - field)
    point = cut_points(bytes(data), file="odd.tflite")[1]
    with pytest.raises(
        ModelError, match=r"^odd.tflite cannot be cut off behind a layer: its lists share bytes"
    ):
        cut_behind(bytes(data), point, file="odd.tflite")


def test_a_file_without_outputs_is_refused(edited: Callable[[Edit], bytes]) -> None:
    """There is no list in which another tensor could be named."""
    data = edited(lambda model: setattr(model.subgraphs[0], "outputs", []))
    with pytest.raises(ModelError, match=r"^none.tflite has no output"):
        cut_behind(data, cut_points(data, file="none.tflite")[0], file="none.tflite")


def test_a_layer_that_is_not_there_is_damage(good: bytes) -> None:
    """A point of another file does not cut this one somewhere."""
    with pytest.raises(Damaged, match="layer 9"):
        cut_behind(good, CutPoint(9, "ADD", 1, ""), file="good")


def test_damaged_bytes_end_in_one_line(good: bytes) -> None:
    """Bytes changed anywhere: a cut, or an error of ours, and nothing else."""
    rng, ended = np.random.default_rng(5), 0
    for _ in range(1500):
        data = bytearray(good)
        for at in rng.integers(8, len(data), 3):
            data[at] = rng.integers(0, 256)
        try:
            for point in cut_points(bytes(data), file="bad")[:4]:
                cut_behind(bytes(data), point, file="bad")
        except (Damaged, ModelError):
            ended += 1
    assert ended > 100
