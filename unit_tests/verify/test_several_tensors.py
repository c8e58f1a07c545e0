"""A model with two inputs and two outputs of different dtypes and shapes, from the file to the verdict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jsonschema import Draft202012Validator
from numpy.typing import NDArray
from typer.testing import CliRunner

from tinysine.boards import FOREIGN, load_board
from tinysine.commands.app import app
from tinysine.errors import ConfigError
from tinysine.evidence import Evidence, to_document, write_evidence
from tinysine.image import BuildOptions, read_engine
from tinysine.model import read_model
from tinysine.oracles import litert_oracle
from tinysine.place import AtPort
from tinysine.schemas import schema as schema_of_document
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice
from tinysine.verdicts import Soak
from tinysine.verify import Question, verify

CASES = Path(__file__).parents[1] / "cases"
MODEL = CASES / "two_ends.tflite"
GRAPH = CASES / "engines" / "graph"
SCHEMA = schema_of_document("evidence")


def judged(board: str, engine: Path = GRAPH, **asked: Any) -> Evidence:
    """The model with the engine `graph` on a board."""
    return verify(
        MODEL,
        board=load_board(board),
        options=BuildOptions(engine=read_engine(engine)),
        question=Question(samples=64, **asked),
    )


def engine_with(folder: Path, old: str, new: str) -> Path:
    """The engine with something changed in its C."""
    engine = shutil.copytree(GRAPH, folder / "engine")
    source = (engine / "engine.c").read_text()
    assert old in source
    (engine / "engine.c").write_text(source.replace(old, new))
    return engine


@pytest.mark.parametrize("board", ["host", pytest.param("nano33ble-sense", marks=pytest.mark.long)])
def test_every_output_is_judged(board: str) -> None:
    """Equal, timed, soaked; the evidence has an array for each tensor."""
    evidence = judged(board, soak=200)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert [(o.name, evidence.outputs.checked, o.mismatches) for o in evidence.outputs.tensors] == [
        ("levels", 64, 0),
        ("left", 64, 0),
    ]
    assert evidence.latency is not None
    assert evidence.soak is not None
    assert evidence.soak == Soak(wanted=200, asked=200, frames=evidence.soak.frames, resets=1)
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    outputs = document["outputs"]
    asked = (np.array(outputs["inputs_0"], np.float32), np.array(outputs["inputs_1"], np.int8))
    expected = litert_oracle(read_model(MODEL)).run(asked)
    assert np.array_equal(np.array(outputs["device_0"], np.float32), expected[0])
    assert np.array_equal(np.array(outputs["device_1"], np.int8), expected[1])
    assert [row["name"] for row in outputs["tensors"]] == ["levels", "left"]
    assert outputs["domain_bits"] == 8 * (2 * 4 + 4)


def test_large_arrays_go_beside_the_evidence_one_for_each_tensor(tmp_path: Path) -> None:
    """The same numbers, with their digests in the JSON."""
    path = tmp_path / "evidence.json"
    motion = np.linspace(-5, 5, 4000, dtype=np.float32).reshape(-1, 2)
    sound = np.arange(8000).reshape(-1, 4).astype(np.int8)
    data = tmp_path / "data.npz"
    np.savez(data, motion=motion, sound=sound)
    evidence = judged("host", data=data)
    assert evidence.verdict == "pass", evidence.findings
    write_evidence(evidence, path)
    document = json.loads(path.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert document["provenance"]["data"]["taken_as"] == "codes and real values"
    arrays = document["outputs"]["arrays"]
    with np.load(tmp_path / arrays["file"]) as archive:
        assert sorted(archive.files) == ["device_0", "device_1", "inputs_0", "inputs_1"]
        np.testing.assert_array_equal(archive["inputs_0"], motion)
        np.testing.assert_array_equal(archive["inputs_1"], sound)
    assert arrays["device_1"]["shape"] == [2000, 3]
    write_evidence(evidence, path)  # what is ours may be replaced


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("out[i] = scale * (float)(in[i] - zero)", "out[i] = scale * (float)(in[i] - zero + (in[i] > 40))", "levels"),
        ("    graph_run();", "    graph_run();\n    ((int8_t *)graph_outputs[1])[2] ^= 1;", "left"),
    ],
)  # fmt: skip
def test_the_wrong_output_is_named(old: str, new: str, name: str, tmp_path: Path) -> None:
    """In the finding, in the first wrong answers and in the evidence; the other output stays right."""
    evidence = judged("host", engine_with(tmp_path, old, new))
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert f"output {name!r}: " in evidence.findings[0].reason
    assert len(evidence.findings) == 1
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    wrong = {row["name"]: row["mismatches"] for row in document["outputs"]["tensors"]}
    assert {output for output, count in wrong.items() if count} == {name}
    assert {row["output"] for row in document["outputs"]["first_mismatches"]} == {name}


def test_an_input_that_is_changed_is_found(tmp_path: Path) -> None:
    """Also the second of two."""
    evidence = judged(
        "host",
        engine_with(tmp_path, "    graph_run();", "    graph_run();\n    ((int8_t *)graph_inputs[1])[3]++;"),
    )
    assert evidence.exit_code == 1
    assert "writes into its inputs" in str(evidence.findings[0])


def test_the_generated_engine_has_an_output_in_the_middle(
    tmp_path: Path, edited: Callable[[Callable[[Any], None]], bytes]
) -> None:
    """The codes of the converted input are the second output: an end, and what the first layer reads."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]

    dense = tmp_path / "dense.tflite"
    dense.write_bytes(edited(change))
    evidence = verify(dense, board=load_board("host"))
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.mismatches == 0


@pytest.mark.parametrize("options", [["--tolerance", "200"], ["--float", str(MODEL)]])
def test_what_makes_no_sense_is_one_line(options: list[str]) -> None:
    """A tolerance beyond what a code can say; a float model without labelled data."""
    done = CliRunner().invoke(
        app, ["verify", str(MODEL), "--board", "host", "--engine", str(GRAPH), "-q", *options]
    )
    assert isinstance(done.exception, ConfigError)
    assert "\n" not in str(done.exception)


def test_compare_has_a_table_for_each_output() -> None:
    """The references differ in one of them."""
    done = CliRunner().invoke(app, ["references", str(MODEL), "--inputs", "200"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    heads = [
        number
        for number, line in enumerate(lines)
        if "litert" in line and "tflm" in line and "equal" not in line
    ]
    assert [lines[number].split()[0] for number in heads[:2]] == ["levels", "left"]
    assert "(by 0.06)" in lines[heads[0] + 1]
    assert "(by" not in lines[heads[1] + 1]


@pytest.mark.parametrize("in_parts", [False, True])
def test_foreign_firmware_is_judged_output_by_output(in_parts: bool) -> None:
    """In whole frames, or tensor by tensor; what is wrong in one of them is named."""
    model = read_model(MODEL)
    oracle = litert_oracle(model)
    device = FakeDevice.of_model(model, lambda *inputs: oracle.run(inputs))
    device.engine_name, device.board_name, device.build_id = b"theirs", b"gadget", bytes(16)
    device.lacks, device.counter = {4, 5, 6, 7, 8, 9} | ({2} if in_parts else set()), 0
    terminal = PtyDevice(device)
    try:
        evidence = verify(
            MODEL,
            board=FOREIGN,
            place=AtPort(terminal.port),
            firmware="foreign",
            question=Question(samples=64),
        )
        assert evidence.verdict == "pass", evidence.findings

        def wrong(motion: NDArray[Any], sound: NDArray[Any]) -> tuple[NDArray[Any], ...]:
            levels, left = oracle.run((motion, sound))
            left[:, 2] += sound[:, 0] == 127
            return levels, left

        device.expected = wrong
        evidence = verify(
            MODEL,
            board=FOREIGN,
            place=AtPort(terminal.port),
            firmware="foreign",
            question=Question(samples=64),
        )
    finally:
        terminal.close()
    assert evidence.verdict == "fail"
    assert evidence.findings[0].reason.startswith("output 'left': ")
    assert "levels" not in evidence.findings[0].reason


@pytest.mark.long
def test_layers_of_several_outputs_are_each_asked(tmp_path: Path) -> None:
    """The model cut off behind a layer has all its inputs still; a wrong layer on the way to one output is named."""
    engine = engine_with(
        tmp_path,
        "(int8_t)limited(rounded(sum * multipliers[row])",
        "(int8_t)limited(rounded(sum * multipliers[row]) + (inputs == 2 && row == 1)",
    )
    evidence = judged("host", engine, layers=True)
    assert evidence.verdict == "fail"
    assert evidence.findings[0].reason.startswith("layer 3 (FULLY_CONNECTED right): ")
    assert evidence.layers is not None
    assert all(row.checked == 64 for row in evidence.layers.rows)
    by_layer = {row.tensor: bool(row.differing) for row in evidence.layers.rows}
    assert by_layer == {
        "flat": False, "motion_int8": False, "left": False, "right": True, "joined": True, "both": True, "levels": True,
    }  # fmt: skip
    assert "output 'levels': " in evidence.findings[1].reason


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A model without constants whose inputs and outputs are each larger than a frame."""
    kinds = schema.TensorType
    names = (
        ("fine", kinds.FLOAT32, 150),
        ("coarse", kinds.INT8, 650),
        ("fine_int8", kinds.INT8, 150),
        ("all", kinds.INT8, 800),
        ("again", kinds.FLOAT32, 800),
    )
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = []
    for name, kind, count in names:
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, kind, [1, count], 0
        if kind == kinds.INT8:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([0.03], np.float32)
            tensor.quantization.zeroPoint = np.array([-7], np.int64)
        graph.tensors.append(tensor)
    codes = (
        (schema.BuiltinOperator.QUANTIZE, 1, [0], 2),
        (schema.BuiltinOperator.CONCATENATION, 2, [1, 2], 3),
        (schema.BuiltinOperator.DEQUANTIZE, 2, [3], 4),
    )
    graph.operators, model.operatorCodes = [], []
    for index, (code, version, inputs, output) in enumerate(codes):
        entry, operator = schema.OperatorCodeT(), schema.OperatorT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = version
        operator.opcodeIndex, operator.inputs, operator.outputs = index, inputs, [output]
        if code == schema.BuiltinOperator.CONCATENATION:
            operator.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
            operator.builtinOptions = schema.ConcatenationOptionsT()
            operator.builtinOptions.axis = 1
        model.operatorCodes.append(entry)
        graph.operators.append(operator)
    graph.inputs, graph.outputs = [0, 1], [4, 3]
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path = tmp_path / "wide.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


def test_tensors_larger_than_a_frame_go_in_parts(wide: Path) -> None:
    """Each of two inputs and two outputs: written, timed and read tensor by tensor."""
    evidence = verify(
        wide,
        board=load_board("host"),
        options=BuildOptions(engine=read_engine(GRAPH)),
        question=Question(samples=64),
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.provenance.device is not None
    assert evidence.provenance.device.payload_max < 600
    assert evidence.outputs is not None
    assert [(o.name, o.elements, evidence.outputs.checked) for o in evidence.outputs.tensors] == [
        ("again", 800, 64),
        ("all", 800, 64),
    ]
    assert evidence.latency is not None
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    assert document["outputs"]["arrays"]["device_0"]["shape"] == [64, 800]
