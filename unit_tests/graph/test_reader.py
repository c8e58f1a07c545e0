"""Reading .tflite files: what a good one says, and one clear line for each bad one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import Network, parse_network, read_network
from tinysine.model import REFERENCE_MODEL, read_tflite
from tinysine.quantization import Quantization
from tinysine.tflite import is_tflite, tflite_file
from tinysine.tflite.flatbuffer import Table

Edit = Callable[[Any], None]


def _tensor(model: Any, name: str) -> Any:
    return next(t for t in model.subgraphs[0].tensors if t.name in (name, name.encode()))


def _operator(model: Any, index: int) -> Any:
    return model.subgraphs[0].operators[index]


def test_reader_understands_a_model(good: bytes) -> None:
    """Shapes, scales, clamps, ends and the hash are what was written."""
    model = parse_network(good, file="good.tflite")
    assert (model.input.dtype, model.input.count, model.input.quantization) == (np.float32, 2, None)
    assert (model.output.dtype, model.output.count) == (np.uint8, 2)
    assert model.output.quantization == Quantization(0.5, 131)
    first, second = model.layers
    assert (first.inputs, first.outputs, first.activation, first.per_channel) == (2, 3, "relu6", False)
    assert (first.clamp_min, first.clamp_max) == (-128, -128 + 24)
    assert first.input == Quantization(0.125, 7)
    assert second.per_channel
    assert second.bias.tolist() == [5, -5]
    assert second.input == first.output
    assert second.weight_scales.tolist() == [float(np.float32(0.02)), float(np.float32(0.03))]
    assert (second.clamp_min, second.clamp_max) == (-128, 127)
    assert model.source == good
    assert model.multiply_accumulates == 12


def test_reader_gives_read_only_arrays(good: bytes) -> None:
    """A model cannot be changed by accident."""
    layer = parse_network(good, file="good.tflite").layers[0]
    for array in (layer.weights, layer.bias, layer.weight_scales, layer.multiplier, layer.shift):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_reader_needs_no_interpreter(good: bytes) -> None:
    """Reading a good model imports neither LiteRT nor flatbuffers: verify starts with it."""
    import subprocess
    import sys

    code = (
        "import sys; from tinysine.graph import parse_network; "
        "parse_network(sys.stdin.buffer.read(), file='x'); "
        "assert not {'ai_edge_litert', 'flatbuffers', 'tensorflow'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], input=good, check=True, timeout=60)


def test_reference_model_is_read() -> None:
    """The committed sine model reads as what it is."""
    model = read_network(REFERENCE_MODEL)
    assert (model.input.dtype, model.input.count, model.output.count) == (np.int8, 1, 1)
    assert len(model.layers) >= 2


def _set(target: str, **values: object) -> Edit:
    def change(model: Any) -> None:
        tensor = _tensor(model, target)
        for name, value in values.items():
            setattr(tensor, name, value)

    return change


def _quant(target: str, **values: object) -> Edit:
    def change(model: Any) -> None:
        for name, value in values.items():
            setattr(_tensor(model, target).quantization, name, value)

    return change


def _op(index: int, **values: object) -> Edit:
    def change(model: Any) -> None:
        for name, value in values.items():
            setattr(_operator(model, index), name, value)

    return change


def _fused(activation: int) -> Edit:
    def change(model: Any) -> None:
        _operator(model, 1).builtinOptions.fusedActivationFunction = activation

    return change


def _weights_format(model: Any) -> None:
    _operator(model, 1).builtinOptions.weightsFormat = 1


def _code(code: int) -> Edit:
    def change(model: Any) -> None:
        model.operatorCodes[1].builtinCode = code
        model.operatorCodes[1].deprecatedBuiltinCode = min(code, 127)

    return change


def _custom(model: Any) -> None:
    _code(32)(model)
    model.operatorCodes[1].customCode = "MyOp"


def _float(model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        tensor.type, tensor.quantization = 0, None
    del model.subgraphs[0].operators[3], model.subgraphs[0].operators[0]
    model.subgraphs[0].inputs = _operator(model, 0).inputs[:1]
    model.subgraphs[0].outputs = _operator(model, 1).outputs


def _subgraph(**values: object) -> Edit:
    def change(model: Any) -> None:
        for name, value in values.items():
            setattr(model.subgraphs[0], name, value)

    return change


def _two_subgraphs(model: Any) -> None:
    model.subgraphs = model.subgraphs * 2


def _version(model: Any) -> None:
    model.version = 4


def _no_operators(model: Any) -> None:
    model.subgraphs[0].operators = []


def _reversed(model: Any) -> None:
    model.subgraphs[0].operators = model.subgraphs[0].operators[::-1]


def _dequantize_in_the_middle(model: Any) -> None:
    operators = model.subgraphs[0].operators
    model.subgraphs[0].operators = [operators[0], operators[1], operators[3], operators[2]]


def _circle(model: Any) -> None:
    _operator(model, 2).outputs = _operator(model, 0).outputs


def _branch(model: Any) -> None:
    _operator(model, 2).inputs = [_operator(model, 1).inputs[0], *_operator(model, 2).inputs[1:]]


def _sparse(model: Any) -> None:
    from ai_edge_litert import schema_py_generated as schema

    _tensor(model, "weights_0").sparsity = schema.SparsityParametersT()


def _short_buffer(name: str) -> Edit:
    def change(model: Any) -> None:
        buffer = model.buffers[_tensor(model, name).buffer]
        buffer._data = buffer._data[:-1]

    return change


_BAD: dict[str, tuple[Edit, str]] = {
    "float": (_float, "tinysine convert"),
    "unsupported operator": (_code(3), "CONV_2D"),
    "operator above 127": (_code(150), "GELU"),
    "operator that does not exist": (_code(12345), "12345"),
    "custom operator": (_custom, "MyOp"),
    "int16 activations": (_set("dense_0", type=7), "int16"),
    "int4 weights": (_set("weights_0", type=17), "int4"),
    "uint8 weights": (_set("weights_0", type=3), "uint8"),
    "uint8 activations": (_set("dense_0", type=3), "uint8"),
    "int64 bias": (_set("bias_0", type=4), "int64"),
    "bool input": (_set("input", type=6), "bool"),
    "unknown type": (_set("input", type=99), "type 99"),
    "tanh": (_fused(4), "tanh"),
    "activation that does not exist": (_fused(77), "77"),
    "shuffled weights": (_weights_format, "format 1"),
    "options of another operator": (_op(1, builtinOptionsType=1), "kind 1"),
    "two subgraphs": (_two_subgraphs, "2 subgraphs"),
    "two inputs": (_subgraph(inputs=[0, 1]), "2 inputs"),
    "no output": (_subgraph(outputs=[]), "0 outputs"),
    "tensor index out of range": (_subgraph(outputs=[1000]), "index 1000"),
    "negative tensor index": (_subgraph(inputs=[-1]), "index -1"),
    "schema version": (_version, "version 4"),
    "no operators": (_no_operators, "no FULLY_CONNECTED"),
    "operators out of order": (_reversed, "not what the next operator reads"),
    "conversion in the middle": (_dequantize_in_the_middle, "not what the next operator reads"),
    "circle": (_circle, "circle"),
    "branch": (_branch, "not what the next operator reads"),
    "too many inputs": (_op(1, inputs=[1, 2, 3, 3]), "4 inputs"),
    "no inputs": (_op(1, inputs=[]), "0 inputs"),
    "opcode out of range": (_op(1, opcodeIndex=17), "index 17"),
    "sparse weights": (_sparse, "sparse"),
    "variable activation": (_set("dense_0", isVariable=True), "stored data"),
    "external weights": (_set("weights_0", externalBuffer=3), "outside"),
    "weights not constant": (_set("weights_0", buffer=0), "constant"),
    "buffer index out of range": (_set("weights_0", buffer=1000), "index 1000"),
    "weights too short": (_short_buffer("weights_0"), "holds 5 bytes"),
    "bias too short": (_short_buffer("bias_0"), "holds 11 bytes"),
    "weights do not fit input": (_set("weights_0", shape=[2, 3]), "do not fit"),
    "weights of three dimensions": (_set("weights_0", shape=[1, 3, 2]), "matrix"),
    "huge weights": (_set("weights_0", shape=[2**31 - 1, 2**31 - 1]), "matrix"),
    "negative shape": (_set("weights_0", shape=[-3, -2]), "matrix"),
    "output shape": (_set("dense_0", shape=[3, 1]), "do not fit"),
    "batch of two": (_set("input_int8", shape=[2, 2]), "shape"),
    "no shape": (_set("input", shape=[]), "fixed shape"),
    "dynamic shape": (_set("input", shape=[-1, 2]), "fixed shape"),
    "bias shape": (_set("bias_0", shape=[2]), "bias of shape"),
    "bias of two dimensions": (_set("bias_1", shape=[1, 2]), "bias of shape"),
    "no activation scale": (_set("dense_0", quantization=None), "no scale"),
    "no weight scale": (_set("weights_0", quantization=None), "no scale"),
    "empty scales": (_quant("weights_0", scale=[]), "no scale"),
    "zero scale": (_quant("dense_0", scale=[0.0]), "above 0"),
    "negative scale": (_quant("weights_0", scale=[-1.0]), "above 0"),
    "infinite scale": (_quant("dense_0", scale=[float("inf")]), "finite"),
    "NaN scale": (_quant("weights_0", scale=[float("nan")]), "finite"),
    "scale too large": (_quant("weights_1", scale=[1e20, 1e20]), "2**30"),
    "scale too small for relu6": (_quant("dense_0", scale=[2e-9]), "6 in int32"),
    "zero point out of int8": (_quant("dense_0", zeroPoint=[128]), "zero point 128"),
    "zero point far out": (_quant("dense_0", zeroPoint=[-(2**63)]), "zero point"),
    "weights zero point": (_quant("weights_0", zeroPoint=[1]), "zero point other than 0"),
    "zero points missing": (_quant("weights_1", zeroPoint=[0]), "2 scales but 1 zero points"),
    "two activation scales": (_quant("dense_0", scale=[1.0, 1.0], zeroPoint=[0, 0]), "2 scales"),
    "scales of another number": (_quant("weights_0", scale=[1.0, 1.0], zeroPoint=[0, 0]), "2 scales"),
    "scales along inputs": (_quant("weights_1", quantizedDimension=1), "dimension 1"),
    "bias in another scale": (_quant("bias_0", scale=[5.0]), "bias in the scale 5"),
}


@pytest.mark.parametrize("case", _BAD)
def test_reader_refuses(case: str, edited: Callable[[Edit], bytes]) -> None:
    """Every unsupported thing gets a ModelError that names the file and what is wrong."""
    change, words = _BAD[case]
    with pytest.raises(ModelError, match=r"spoilt\.tflite") as refusal:
        parse_network(edited(change), file="spoilt.tflite")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.file == "spoilt.tflite"
    assert refusal.value.exit_code == 2


def test_refusal_carries_operator_tensor_and_shapes(edited: Callable[[Edit], bytes]) -> None:
    """The facts behind the message are attributes."""
    with pytest.raises(ModelError) as refusal:
        parse_network(edited(_set("weights_0", shape=[2, 3])), file="x")
    assert refusal.value.operator == "FULLY_CONNECTED"
    assert refusal.value.tensor == "input_int8"
    assert refusal.value.shapes == ((1, 2), (2, 3))


@pytest.mark.parametrize(
    "data", [b"", b"TFL3", b"\0" * 100, b"\xff" * 100, b"\x1c\0\0\0TFL3", os.urandom(999)]
)
def test_reader_refuses_what_is_no_model(data: bytes) -> None:
    """Too short, empty or random: one line."""
    with pytest.raises(ModelError, match=r"junk\.tflite"):
        parse_network(data, file="junk.tflite")


def test_any_tflite_file_is_read_as_bytes(tmp_path: Path, good: bytes) -> None:
    """Whatever network is in it, as long as it begins as such a file does."""
    path = tmp_path / "some.tflite"
    for data in (good, good[:8]):
        path.write_bytes(data)
        assert read_tflite(path) == data
        assert is_tflite(data[:8])
    path.write_bytes(b"TFL3" + good)
    with pytest.raises(ModelError, match=r"some\.tflite is a file of an unknown kind"):
        read_tflite(path)
    with pytest.raises(ModelError, match="no such file"):
        read_tflite(tmp_path / "other.tflite")


def test_reader_refuses_every_truncation(good: bytes) -> None:
    """However early the file ends, the reader says so, or what was cut off was never needed."""
    whole = parse_network(good, file="x")
    for length in range(len(good)):
        try:
            model = parse_network(good[:length], file="x")
        except ModelError:
            continue
        assert _same_network(model, whole)


def _same_network(a: Network, b: Network) -> bool:
    return len(a.layers) == len(b.layers) and all(
        np.array_equal(x.weights, y.weights) and np.array_equal(x.bias, y.bias)
        for x, y in zip(a.layers, b.layers, strict=True)
    )


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named, with the command that makes one."""
    with pytest.raises(ModelError, match=r"nowhere\.tflite: no such file.*tinysine run"):
        read_network(tmp_path / "nowhere.tflite")


def test_folder(tmp_path: Path) -> None:
    """A folder is not a model."""
    with pytest.raises(ModelError, match="folder"):
        read_network(tmp_path)


def test_fifo_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would block for ever; it is refused instead."""
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(ModelError, match="not a regular file"):
        read_network(tmp_path / "pipe.tflite")


def test_socket(tmp_path: Path) -> None:
    """A socket is not a model."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "s"))
        with pytest.raises(ModelError, match="not a regular file"):
            read_network(tmp_path / "s")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission denied is reported as that; root, who may read everything, is told by a stand-in."""

    def denied(file: str) -> bytes:
        raise PermissionError(13, "Permission denied", file)

    (tmp_path / "secret.tflite").write_bytes(b"x")
    monkeypatch.setattr("tinysine.model.reader.read_regular", denied)
    with pytest.raises(ModelError, match="Permission denied"):
        read_network(tmp_path / "secret.tflite")


def test_nul_in_the_name() -> None:
    """A name that no file system takes is still a ModelError."""
    with pytest.raises(ModelError, match="cannot be read"):
        read_network("a\0b")


def test_large_file_is_not_read(tmp_path: Path) -> None:
    """A file larger than any model is refused by its size."""
    with (tmp_path / "large.tflite").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(ModelError, match="more than"):
        read_network(tmp_path / "large.tflite")


def test_slots_are_the_schemas(good: bytes) -> None:
    """The slot numbers used here find what the schema's own accessors find."""
    from ai_edge_litert import schema_py_generated as schema

    theirs = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(good, 0))
    ours = tflite_file.TfliteFile(good)
    ours.open_graph()
    graph = theirs.subgraphs[0]
    assert ours.inputs() == tuple(graph.inputs)
    assert ours.outputs() == tuple(graph.outputs)
    assert ours.operator_count == len(graph.operators)
    for index, theirs_tensor in enumerate(graph.tensors):
        tensor = ours.tensor(index)
        assert tensor.name == theirs_tensor.name.decode()
        assert (tensor.type, tensor.shape) == (theirs_tensor.type, tuple(theirs_tensor.shape))
        buffer = theirs.buffers[theirs_tensor.buffer].data
        assert (tensor.constant is None) == (buffer is None)
        if buffer is not None:
            assert bytes(tensor.constant) == bytes(buffer)
        if tensor.quantization is not None:
            np.testing.assert_array_equal(tensor.quantization.scales, theirs_tensor.quantization.scale)
            np.testing.assert_array_equal(
                tensor.quantization.zero_points, theirs_tensor.quantization.zeroPoint
            )
    for index, theirs_operator in enumerate(graph.operators):
        operator = ours.operator(index)
        assert operator.inputs == tuple(theirs_operator.inputs)
        assert operator.code == theirs.operatorCodes[theirs_operator.opcodeIndex].builtinCode
        assert operator.options_type == theirs_operator.builtinOptionsType


def test_codes_are_the_schemas() -> None:
    """Tensor types, operators and activations are numbered as in the schema."""
    from ai_edge_litert import schema_py_generated as schema

    for code, name in tflite_file.TENSOR_TYPES.items():
        assert getattr(schema.TensorType, name.upper()) == code
    for code, name in tflite_file.NAMES.items():
        assert getattr(schema.BuiltinOperator, name) == code
    assert schema.BuiltinOperator.CUSTOM == tflite_file.CUSTOM
    for code, name in tflite_file.ACTIVATIONS.items():
        assert getattr(schema.ActivationFunctionType, name.upper()) == code
    assert schema.BuiltinOptions.FullyConnectedOptions == tflite_file.FULLY_CONNECTED_OPTIONS


def test_table_default_where_a_field_is_absent(good: bytes) -> None:
    """A field beyond the vtable has its default."""
    assert Table.root(good).scalar(500, "i", 42) == 42
    assert not Table.root(good).has(500)
