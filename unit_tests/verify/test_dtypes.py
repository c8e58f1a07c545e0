"""Models in float32, with dynamic ranges and in int16, with an engine that tinysine did not generate."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tinysine.boards import load_board
from tinysine.commands.app import app
from tinysine.errors import ConfigError, ModelError
from tinysine.evidence import Evidence, to_document
from tinysine.image import BuildOptions, read_engine
from tinysine.model import read_model
from tinysine.quantization import Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.verify import Question, verify

CASES = Path(__file__).parents[1] / "cases"
GRAPH = CASES / "engines" / "graph"
SCHEMA = schema_of_document("evidence")


def judged(
    name: str | Path,
    board: str = "host",
    engine: Path = GRAPH,
    rounding: Rounding = Rounding.LITERT,
    **asked: Any,
) -> Evidence:
    """A model with the engine `graph`."""
    return verify(
        CASES / name,
        board=load_board(board),
        options=BuildOptions(engine=read_engine(engine), rounding=rounding),
        question=Question(samples=64, **asked),
    )


@pytest.mark.parametrize(
    ("name", "absolute"),
    [pytest.param("dense_float32", 1e-5, marks=pytest.mark.long), ("dense_dynamic", 0.05)],
)
def test_floats_are_judged_with_a_tolerance(name: str, absolute: float) -> None:
    """It is named in the evidence, and a hundredth of it is too little."""
    evidence = judged(f"{name}.tflite", tolerance_abs=absolute)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.tolerance == absolute
    assert evidence.outputs.tolerated > 0
    assert evidence.latency is not None
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    assert document["outputs"]["max_abs_diff"] > absolute / 100


@pytest.mark.parametrize("name", ["dense_float32", "dense_dynamic"])
def test_floats_without_a_tolerance_are_bad_usage(name: str) -> None:
    """One line that names the option, before anything is built."""
    done = CliRunner().invoke(
        app, ["verify", str(CASES / f"{name}.tflite"), "--board", "host", "--engine", str(GRAPH)]
    )
    assert isinstance(done.exception, ConfigError)
    assert done.exception.exit_code == 2
    assert "--tolerance-abs X" in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.needs("tflite_micro")
def test_int16_is_judged_bit_for_bit() -> None:
    """As TensorFlow Lite Micro computes it; LiteRT's interpreter rounds otherwise."""
    evidence = judged("dense_int16.tflite", "nano33ble-sense", rounding=Rounding.TFLM)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert (evidence.outputs.reference, evidence.outputs.mismatches, evidence.outputs.tolerance) == (
        "tflm",
        0,
        0,
    )
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    assert max(max(row) for row in document["outputs"]["device"]) > 127


@pytest.mark.needs("tflite_micro")
@pytest.mark.parametrize(
    ("model", "old", "new", "options"),
    [
        ("dense_int16.tflite", "sum * multipliers[row] + half", "sum * multipliers[row]", {"rounding": Rounding.TFLM}),
        ("dense_float32.tflite", "float sum = bias[row];", "float sum = bias[row] + 1e-3f;", {"tolerance_abs": 1e-4}),
    ],
)  # fmt: skip
def test_wrong_arithmetic_fails(
    model: str, old: str, new: str, options: dict[str, Any], tmp_path: Path
) -> None:
    """A missing half in int16; a thousandth in float32, where a tenth of that is allowed."""
    engine = shutil.copytree(GRAPH, tmp_path / "engine")
    source = (engine / "engine.c").read_text()
    assert old in source
    (engine / "engine.c").write_text(source.replace(old, new))
    evidence = judged(model, engine=engine, **options)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert "answers equal no reference" in str(evidence.findings[0])


@pytest.fixture
def refused_by_litert(tmp_path: Path) -> Path:
    """A model whose weights name a dimension that they do not have: LiteRT looks at it, TFLM does not."""
    file = schema.ModelT.InitFromPackedBuf((CASES / "dense_float32.tflite").read_bytes(), 0)
    for tensor in file.subgraphs[0].tensors:
        if file.buffers[tensor.buffer].data is not None and len(tensor.shape) == 2:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.ones(1, np.float32)
            tensor.quantization.zeroPoint = np.zeros(1, np.int64)
            tensor.quantization.quantizedDimension = 9
    builder = flatbuffers.Builder(1024)
    builder.Finish(file.Pack(builder), file_identifier=b"TFL3")
    path = tmp_path / "refused.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.mark.long
@pytest.mark.needs("tflite_micro")
def test_the_interpreter_that_takes_a_model_judges_it(refused_by_litert: Path) -> None:
    """The other one's words are in the evidence; where it is asked for, the error says which one takes the model."""
    evidence = judged(refused_by_litert, rounding=Rounding.TFLM, tolerance_abs=1e-5)
    assert evidence.verdict == "pass", evidence.findings
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    assert document["outputs"]["reference"] == "tflm"
    assert list(document["provenance"]["oracles"]) == ["tflm"]
    assert "quantized_dimension must be in range" in document["provenance"]["refusals"]["litert"]
    with pytest.raises(ModelError, match="quantized_dimension") as caught:
        judged(refused_by_litert, tolerance_abs=1e-5)
    assert caught.value.hint == "tflm takes it: --reference tflm"
    assert "\n" not in str(caught.value)


@pytest.mark.needs("tflite_micro")
def test_the_verdict_shows_who_refused() -> None:
    """TensorFlow Lite Micro has no kernels for weights in int8 between floats."""
    model = str(CASES / "dense_dynamic.tflite")
    done = CliRunner().invoke(
        app,
        [
            "verify",
            model,
            "--board",
            "host",
            "--engine",
            str(GRAPH),
            "--inputs",
            "64",
            "--tolerance-abs",
            "0.05",
        ],
    )
    assert done.exit_code == 0, done.output
    assert "  refused   TensorFlow Lite Micro" in done.output
    assert "within 0.05 of litert, as was asked for" in done.output.splitlines()[0]


def test_the_models_are_what_they_are_called() -> None:
    """Float ends over int8 weights; int16 ends."""
    dtypes = {
        name: read_model(CASES / f"dense_{name}.tflite").input.dtype
        for name in ("float32", "dynamic", "int16")
    }
    assert dtypes == {"float32": np.float32, "dynamic": np.float32, "int16": np.int16}
