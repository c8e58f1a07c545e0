"""Any .tflite file is a model: its ends are read, whatever stands between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import Network, as_network
from tinysine.model import REFERENCE_MODEL, Tensor, names_of, parse_model, read_model
from tinysine.quantization import Quantization

CASES = Path(__file__).parents[1] / "cases"
Edit = Callable[[Any], None]


@pytest.mark.parametrize(
    ("name", "input_shape", "output_shape"),
    [
        ("dense_float32", (1, 6), (1, 3)),
    ],
)
def test_a_network_that_the_engine_cannot_run_is_a_model(
    name: str, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    """Shapes are those of one inference as the file has it; a fixed batch is part of it."""
    file = CASES / f"{name}.tflite"
    model = read_model(file)
    assert (model.input.shape, model.output.shape) == (input_shape, output_shape)
    assert model.input.count == int(np.prod(input_shape))
    assert model.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert as_network(model, file=str(file)) is None


def test_a_network_is_a_model_with_layers() -> None:
    """The reference model's ends are the same, read either way."""
    model = read_model(REFERENCE_MODEL)
    network = as_network(model, file="sine")
    assert isinstance(network, Network)
    assert (network.inputs, network.outputs, network.sha256) == (model.inputs, model.outputs, model.sha256)


def test_a_float_end_knows_the_codes_that_it_becomes(good: bytes) -> None:
    """The converter puts a QUANTIZE behind a float32 input: where its codes lie is known without the layers."""
    model = parse_model(good, file="good")
    assert model.input.dtype == np.float32
    assert model.input.quantization is None
    assert model.input.coded_as == Quantization(0.125, 7)
    assert model.output.dtype == np.uint8
    assert model.output.quantization == Quantization(0.5, 131)


def _ends(**types: int) -> Edit:
    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        for end, number in types.items():
            graph.tensors[getattr(graph, end)[0]].type = number

    return change


def test_an_int16_end_is_read(edited: Callable[[Edit], bytes]) -> None:
    """Firmware of other engines may compute in int16; the link carries it."""
    model = parse_model(edited(_ends(outputs=7)), file="wide")
    assert model.output.dtype == np.int16


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_ends(inputs=4), "int64 is not supported at an end of a model; float32, uint8, int16, int8 are"),
        (lambda model: setattr(model.subgraphs[0], "inputs", []), "has no input"),
        (lambda model: setattr(model.subgraphs[0], "outputs", [0] * 17), "has 17 outputs; up to 16"),
        (lambda model: setattr(model.subgraphs[0].tensors[0], "shape", [1, 0]), "has no fixed shape"),
        (lambda model: setattr(model.subgraphs[0].tensors[0], "shape", [4096, 4096]), "67,108,864 bytes"),
        (lambda model: setattr(model, "version", 2), "has schema version 2"),
    ],
)
def test_ends_that_the_link_cannot_carry_are_refused(
    edited: Callable[[Edit], bytes], edit: Edit, says: str
) -> None:
    """One line that names the file, and the tensor where it is one's fault."""
    with pytest.raises(ModelError, match=says):
        parse_model(edited(edit), file="odd.tflite")


def test_a_damaged_file_is_said_to_be_one(good: bytes) -> None:
    """As with a network: the beginning is right, the rest is cut."""
    with pytest.raises(ModelError, match="damaged or cut short"):
        parse_model(good[:200], file="cut.tflite")


def test_a_file_without_a_graph_is_refused(edited: Callable[[Edit], bytes]) -> None:
    """Bytes that are a FlatBuffer of the right kind, with nothing in it: one line."""
    data = edited(lambda model: setattr(model, "subgraphs", []))
    with pytest.raises(
        ModelError, match=r"^empty.tflite begins as a .tflite file, but .* it has no subgraph"
    ):
        parse_model(data, file="empty.tflite")


def test_tensors_have_names_that_tell_them_apart() -> None:
    """Their own; with the number where two have one name, or none."""
    tensors = [Tensor(name, np.dtype(np.int8), (1, 1), None) for name in ("a", "b", "a", "")]
    assert names_of(tensors) == ("a (0)", "b", "a (2)", "(3)")
