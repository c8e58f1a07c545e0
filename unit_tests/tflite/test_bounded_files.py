"""Files in which many tables share one large part: what is decoded and computed is bounded in total."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import DenseChain, Graph, graph_with_rounding, parse_network, with_rounding
from tinysine.graph.chain import MAX_CONSTANT_BYTES, MAX_NEURONS
from tinysine.quantization import Quantization, Rounding
from tinysine.tflite.flatbuffer import LONGEST_TEXT, Table
from tinysine.tflite.writer import LayerSpec, write_model

MANY = 10_000_000
PLAIN = Quantization(1.0, 0)
UNIT = LayerSpec(np.ones((1, 1), np.int8), None, np.ones(1, np.float32), PLAIN)
NAME, QUANTIZATION, SCALE, ZERO_POINT = 3, 4, 2, 3  # slots of the schema


def _tensors(data: bytes) -> Iterator[Table]:
    tensors = Table.root(data).tables(2)[0].tables(0)
    return (tensors[i] for i in range(len(tensors)))


def _shared(
    data: bytes, content: bytes, count: int, fields: Callable[[Table], list[tuple[Table, int]]]
) -> bytes:
    """The file with one more vector at its end, to which the fields of every tensor point."""
    patched = bytearray(data) + bytes(-len(data) % 8 + 4)
    target = len(patched)
    for tensor in _tensors(data):
        for table, slot in fields(tensor):
            at = table._field(slot)
            assert at is not None
            patched[at : at + 4] = struct.pack("<I", target - at)
    return bytes(patched) + struct.pack("<I", count) + content


def share_name(data: bytes, name: bytes) -> bytes:
    """Every tensor has this name, which is in the file once."""
    return _shared(data, name, len(name), lambda tensor: [(tensor, NAME)])


def share_scales(data: bytes, count: int) -> bytes:
    """Every tensor has these many scales, and zero points in the same bytes."""

    def both(tensor: Table) -> list[tuple[Table, int]]:
        quantization = tensor.table(QUANTIZATION)
        assert quantization is not None
        return [(quantization, SCALE), (quantization, ZERO_POINT)]

    return _shared(data, bytes(8 * count), count, both)


def judged(data: bytes) -> tuple[str, int, float]:
    """Read and prove a file: what was said, bytes at most, CPU seconds."""
    began, said = time.process_time(), ""
    tracemalloc.start()
    try:
        network = parse_network(data, file="hostile")
        if isinstance(network, Graph):
            graph_with_rounding(network, Rounding.LITERT)
        else:
            assert isinstance(network, DenseChain)
            with_rounding(network, Rounding.LITERT)
    except ModelError as error:
        said = str(error)
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return said, peak_bytes, time.process_time() - began


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        pytest.param(350, b"A" * MANY, id="350 layers", marks=pytest.mark.long),
        pytest.param(
            *(200, "\U0001f600".encode() * (MANY // 4)),
            id="200 layers of four-byte characters",
            marks=pytest.mark.long,
        ),
        pytest.param(200, b"\xff" * MANY, id="200 layers, not UTF-8"),
    ],
)
def test_a_huge_shared_name_is_read_once(layers: int, name: bytes) -> None:
    """A name of 10 MB that hundreds of tensors share costs no more than its beginning."""
    data = share_name(write_model([UNIT] * layers, input=PLAIN), name)
    said, peak_bytes, seconds = judged(data)
    assert said == ""
    assert peak_bytes < 32 << 20
    assert seconds < 5
    assert len(parse_network(data, file="x").layers[0].name) <= LONGEST_TEXT + 3


def test_a_name_of_usual_length_is_whole() -> None:
    """The limit cuts nothing that a converter writes."""
    name = "sequential/dense_2/MatMul;" * 20
    model = parse_network(share_name(write_model([UNIT], input=PLAIN), name.encode()), file="x")
    assert model.layers[0].name == model.input.name == name


def test_a_huge_shared_list_of_scales_is_not_searched() -> None:
    """A list of a million scales is refused by its length."""
    said, peak_bytes, seconds = judged(share_scales(write_model([UNIT] * 500, input=PLAIN), MANY // 8))
    assert "scales" in said
    assert peak_bytes < 32 << 20
    assert seconds < 2


def _wide(outputs: int, scale: float = 0.5) -> list[LayerSpec]:
    """Two layers, 1 to many and back, whose every accumulator meets ties."""
    rng = np.random.default_rng(0)
    biases = rng.integers(-1000, 1000, outputs).astype(np.int32)
    up = LayerSpec(
        rng.integers(-127, 128, (outputs, 1)).astype(np.int8),
        biases,
        np.full(outputs, scale, np.float32),
        PLAIN,
    )
    return [up, LayerSpec(np.ones((1, outputs), np.int8), None, np.full(1, 1e-3, np.float32), PLAIN)]


def test_neurons_are_bounded_in_total() -> None:
    """Each layer has fewer than the limit, all together more."""
    said, _, seconds = judged(write_model(_wide(MAX_NEURONS // 3) * 4, input=PLAIN))
    assert f"more than {MAX_NEURONS} neurons" in said
    assert seconds < 2


def test_proofs_take_bounded_memory() -> None:
    """Thousands of channels that all need another multiplier are proved a block at a time."""
    said, peak_bytes, _ = judged(write_model(_wide(2048), input=PLAIN))
    assert said == ""
    assert peak_bytes < 64 << 20


def test_the_largest_matrix_takes_bounded_memory() -> None:
    """Weights are not widened to 64 bits all at once."""
    width = int(np.sqrt(MAX_CONSTANT_BYTES)) - 2
    square = LayerSpec(np.ones((width, width), np.int8), None, np.full(1, 1e-4, np.float32), PLAIN)
    said, peak_bytes, _ = judged(write_model([square], input=PLAIN))
    assert said == ""
    assert peak_bytes < 64 << 20
