"""TensorFlow Lite Micro behind the adapter: with a stand-in for its library, since nobody ships a binary of it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from typer.testing import CliRunner

from tinysine.boards import load_board
from tinysine.commands.app import app
from tinysine.image import BuildOptions, choose_engine
from tinysine.image.engines import _RECIPES
from tinysine.image.toolchain import find_toolchain, user_command
from tinysine.model import REFERENCE_MODEL, parse_model
from tinysine.oracles import tflm_oracle
from tinysine.quantization import Quantization, Rounding
from tinysine.rigs import open_rig
from tinysine.tflite.writer import LayerSpec, write_model
from tinysine.verify import build_firmware, verify

CASES = Path(__file__).parents[1] / "cases"
STAND_IN = CASES / "engines" / "tflm_stand_in"
BUILTINS = {name: value for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The stand-in's library for a board, by the board's name; each is compiled once."""
    folder = tmp_path_factory.mktemp("stand-in")

    def library(name: str) -> Path:
        made = folder / f"{name}.o"
        if not made.exists():
            board = load_board(name)
            command = user_command(find_toolchain("gcc", board.core), board, cpp=True)
            options = ["-O2", "-DTF_LITE_STATIC_MEMORY", f"-I{STAND_IN / 'include'}"]
            subprocess.run([*command, *options, "-c", STAND_IN / "tflm.cc", "-o", made], check=True)
        return made

    return library


@pytest.fixture
def tflm(stand_in: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The engine with the stand-in for a board."""

    def engine(board: str) -> Any:
        folders = (STAND_IN / "include", CASES)  # the second is there for the separator's sake
        monkeypatch.setenv("TINYSINE_TFLM_INCLUDE", os.pathsep.join(map(str, folders)))
        monkeypatch.setenv("TINYSINE_TFLM_LIBRARY", str(stand_in(board)))
        chosen = choose_engine("tflm")
        assert chosen is not None
        assert chosen.arena_search
        # The search is tried on the emulated board.
        return chosen if board != "host" else replace(chosen, arena_bytes=4096, arena_search=False)

    return engine


def generator() -> ModuleType:
    """The recipe's own program, as a module."""
    spec = importlib.util.spec_from_file_location("tflm_generate", _RECIPES / "tflm" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.needs("g++")
@pytest.mark.parametrize(
    ("board", "rounding"),
    [
        ("host", Rounding.TFLM),
        pytest.param("host", Rounding.TFLM_FLOAT32, marks=pytest.mark.long),
        pytest.param("nano33ble-sense", Rounding.TFLM, marks=pytest.mark.long),
    ],
)
def test_the_adapter_answers_as_the_reference(
    board: str, rounding: Rounding, tflm: Callable[[str], Any], require: Callable[[str], str]
) -> None:
    """All codes of the sine, which no product of scales tells apart; the stand-in overwrites its inputs, and the
    adapter keeps them. It follows the reference that it was built for.
    """
    if board != "host":
        require("arm-none-eabi-g++")
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board(board),
        options=BuildOptions(engine=tflm(board), toolchain="gcc", rounding=rounding),
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.reference == rounding
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (256, 0)
    memory = evidence.memory
    assert memory is not None
    if board != "host":
        assert memory.arena_bytes == memory.arena_least_bytes
        assert memory.arena_told_bytes is not None
        assert memory.arena_told_bytes <= memory.arena_bytes


def one_layer() -> bytes:
    """A dense layer of 3 inputs and 5 outputs."""
    rng = np.random.default_rng(1)
    layer = LayerSpec(
        weights=rng.integers(-127, 128, (5, 3), np.int8),
        bias=rng.integers(-900, 900, 5, np.int32),
        weight_scales=np.array([0.01], np.float32),
        output=Quantization(0.05, 3),
    )
    return write_model([layer], input=Quantization(0.02, -5))


def two_ends() -> bytes:
    """Two such layers side by side: the first input leads to the second output."""
    model = schema.ModelT.InitFromPackedBuf(one_layer(), 0)
    (graph,) = model.subgraphs
    (into,), (out,) = graph.inputs, graph.outputs
    for index in (into, out):
        graph.tensors.append(_renamed(graph.tensors[index]))
    second_in, second_out = len(graph.tensors) - 2, len(graph.tensors) - 1
    first = graph.operators[0]
    other = schema.OperatorT()
    vars(other).update(vars(first))
    other.inputs = [second_in, *list(first.inputs)[1:]]
    other.outputs = [second_out]
    graph.operators.append(other)
    graph.inputs, graph.outputs = [second_in, into], [out, second_out]
    return _packed(model)


def _renamed(tensor: Any) -> Any:
    twin = schema.TensorT()
    vars(twin).update(vars(tensor))
    twin.name = tensor.name + b"_2"
    return twin


def _packed(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.needs("g++")
def test_several_inputs_and_outputs_keep_their_order(tflm: Callable[[str], Any]) -> None:
    """Each is the tensor of the same index in the file; the layer's answers to one input are TFLM's own."""
    model = parse_model(two_ends(), file="two")
    board = load_board("host")
    image = build_firmware(
        model, board, BuildOptions(engine=tflm("host"), rounding=Rounding.TFLM, toolchain="gcc")
    )
    codes = np.random.default_rng(2).integers(-128, 128, (2, 16, 3), np.int8)
    with open_rig(board) as rig:
        rig.flash(image)
        with rig.open_device(image, timeout_s=10.0) as device:
            first, second = device.infer((codes[0], codes[1]))
    alone = tflm_oracle(parse_model(one_layer(), file="one"))
    np.testing.assert_array_equal(first, alone.run(codes[1]))
    np.testing.assert_array_equal(second, alone.run(codes[0]))


@pytest.mark.needs("g++")
def test_an_operator_that_this_tflm_has_not_is_named(tflm: Callable[[str], Any]) -> None:
    """The compiler's own words: the resolver has no such method."""
    done = verify_by_hand(CASES / "softmax_end.tflite", tflm("host"))
    assert "AddSoftmax" in str(done.exception)
    assert "\n" not in str(done.exception)


def verify_by_hand(model: Path, _engine: Any = None) -> Any:
    """`tinysine verify MODEL --engine tflm`, as it is typed."""
    options = ["--board", "host", "--engine", "tflm", "--reference", "tflm", "-q"]
    return CliRunner().invoke(app, ["verify", str(model), *options])


@pytest.mark.needs("g++")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TINYSINE_TFLM_INCLUDE", None, "TINYSINE_TFLM_INCLUDE, which is not set (it names the folders"),
        ("TINYSINE_TFLM_INCLUDE", "/nowhere", "TINYSINE_TFLM_INCLUDE, which names /nowhere, and there is no such"),
        ("TINYSINE_TFLM_LIBRARY", None, "TINYSINE_TFLM_LIBRARY, which is not set (it names libtensorflow-"),
        ("TINYSINE_TFLM_LIBRARY", "gone.a", "gone.a, and there is no such file"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_what_makes_it(
    name: str, value: str | None, said: str, tflm: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names the variable, and a make target of TensorFlow Lite Micro's."""
    tflm("host")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    error = verify_by_hand(REFERENCE_MODEL).exception
    assert said in str(error)
    assert ("third_party_downloads" if name.endswith("INCLUDE") else "microlite") in str(error)
    assert "\n" not in str(error)
    assert getattr(error, "exit_code", None) == 2


def test_the_page_says_what_the_recipe_needs() -> None:
    """docs/your-engine.md names every variable of the recipe, and the options of make that it tells of."""
    page = (Path(__file__).parents[2] / "docs" / "your-engine.md").read_text(encoding="utf-8")
    section = page.partition("## TensorFlow Lite Micro")[2].partition("\n## ")[0]
    recipe = tomllib.loads((_RECIPES / "tflm" / "engine.toml").read_text(encoding="utf-8"))
    for variable, told in recipe["variables"].items():
        assert f"| `{variable}` |" in section
        for word in re.findall(r"[A-Z_]+=\S+|third_party_downloads|microlite\b|\S+\.a\b", told):
            assert word in section
    for folder in ("flatbuffers/include", "gemmlowp", "ruy"):
        assert folder in recipe["variables"]["TINYSINE_TFLM_INCLUDE"]
        assert f"$DOWNLOADS/{folder}" in section
    for key in recipe:
        assert f"| `{key}` |" in page


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("ADD_N", "AddAddN"),
        ("AVERAGE_POOL_2D", "AddAveragePool2D"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("CUMSUM", "AddCumSum"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("PADV2", "AddPadV2"),
        ("RELU6", "AddRelu6"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_an_operator_is_added_by_the_method_of_its_name(operator: str, method: str) -> None:
    """As TensorFlow Lite Micro spells them."""
    assert operator in BUILTINS
    assert generator().method(operator) == method


def test_only_the_operators_in_use_are_added(tmp_path: Path) -> None:
    """Once each; a code that no operator uses is left out, and an unknown custom one is refused."""
    model = schema.ModelT.InitFromPackedBuf((CASES / "conv_residual.tflite").read_bytes(), 0)
    unused = schema.OperatorCodeT()
    unused.builtinCode = BUILTINS["LOGISTIC"]
    model.operatorCodes.append(unused)
    (tmp_path / "m.tflite").write_bytes(_packed(model))
    generator().main(tmp_path / "m.tflite", tmp_path)
    text = (tmp_path / "operators.h").read_text()
    assert "TFLM_OPERATORS = 7;" in text
    assert text.count("resolver.AddConv2D()") == 1
    assert "Logistic" not in text
    assert "TFLM_INPUT_BYTES = 80;" in text  # 72, up to a multiple of 16
    for code in model.operatorCodes:
        code.builtinCode, code.customCode = BUILTINS["CUSTOM"], b"Mine"
    (tmp_path / "m.tflite").write_bytes(_packed(model))
    with pytest.raises(SystemExit, match="no custom operator 'Mine'"):
        generator().main(tmp_path / "m.tflite", tmp_path)
