"""Bad input: one clear line with what, where and what to try; the right exit code; nothing overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Quantization
from tinysine.tflite.writer import LayerSpec, write_model
from trust.operators.dense_chain import random_network

CASES = Path(__file__).parents[1] / "cases"


def other_operator(data: bytes) -> bytes:
    """The same model with its first fully-connected layer called a convolution."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    for code in model.operatorCodes:
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def float_model(data: bytes) -> bytes:
    """The same model with every tensor declared float32."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    for tensor in model.subgraphs[0].tensors:
        tensor.type = schema.TensorType.FLOAT32
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="module")
def bad_files() -> dict[str, bytes]:
    """One of each bad file, and a good one."""
    data = REFERENCE_MODEL.read_bytes()
    return {
        "good.tflite": data,
        "truncated.tflite": data[: len(data) // 3],
        "random.tflite": np.random.default_rng(7).bytes(3000),
        "empty.tflite": b"",
        "text.elf": b"not an image",
        "operator.tflite": other_operator(data),
        "float.tflite": float_model(data),
        "page.tflite": b"<!DOCTYPE html><html></html>",
        "net.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "other.cc": b"const unsigned char pixels[] = {1, 2, 3};",
        "file": b"mine",
        "foreign/thing.txt": b"mine",
        "foreign/training.json": b'{"schema": "somebody else\'s"}',
    }


@pytest.fixture
def place(tmp_path: Path, bad_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one of each bad file."""
    for name, content in bad_files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "folder.tflite").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


USAGE = [
    ("verify missing.tflite", "missing.tflite"),
    ("verify truncated.tflite", "truncated.tflite"),
    ("verify random.tflite", "random.tflite"),
    ("verify empty.tflite", "empty.tflite"),
    ("verify folder.tflite", "folder.tflite"),
    ("verify page.tflite", "HTML page"),
    ("verify net.h5", "tinysine convert net.h5 --representative"),
    ("verify other.cc", "pixels"),
    ("build net.h5", "tinysine convert net.h5"),
    ("emulate net.h5", "tinysine convert net.h5"),
    ("emulate folder.tflite", "folder.tflite is a folder"),
    ("flash page.tflite --port /dev/null", "HTML page"),
    ("export-arduino page.tflite new", "HTML page"),
    ("c-array net.h5", "tinysine convert net.h5"),
    ("verify float.tflite", "float32"),
    ("verify operator.tflite", "CONV_2D"),
    ("verify good.tflite --board nano33ble-sensd", "did you mean 'nano33ble-sense'"),
    ("verify good.tflite --board uno", "arduino-uno, qemu:arduino-uno"),
    ("verify good.tflite --rounding litter", "'litter' is not one of"),
    ("verify good.tflite --seed -1", "--seed"),
    ("verify good.tflite --inputs 0", "--inputs"),
    ("verify good.tflite --max-latency 0", "--max-latency"),
    ("verify good.tflite --soak -1", "--soak"),
    ("verify good.tflite --soak many", "--soak"),
    ("verify good.tflite --port nonsense://x", "nonsense://x"),
    ("verify good.tflite --jso x", "--json"),
    ("verify good.tflite --json foreign", "foreign is a folder"),
    ("verify good.tflite --json file/evidence.json", "file/evidence.json"),
    ("verify good.tflite --json /proc/nowhere/evidence.json", "/proc/nowhere/evidence.json"),
    ("verify", "MODEL"),
    ("verfy good.tflite", "did you mean 'verify'"),
    ("compare random.tflite", "random.tflite"),
    ("build truncated.tflite", "truncated.tflite"),
    ("build good.tflite --board nowhere", "nowhere"),
    ("build good.tflite --out file", "file"),
    ("build good.tflite --out file/below", "file/below"),
    ("build good.tflite --out /proc/nowhere", "/proc/nowhere"),
    ("c-array missing.tflite", "missing.tflite"),
    ("c-array random.tflite", "random.tflite"),
    ("c-array good.tflite --out file", "file"),
    ("c-array good.tflite --name 4ever", "4ever"),
    ("export-arduino good.tflite", "DIR"),
    ("export-arduino random.tflite new", "random.tflite"),
    ("export-arduino float.tflite new", "float32"),
    ("export-arduino good.tflite foreign", "foreign is not empty"),
    ("export-arduino good.tflite file", "file"),
    ("export-arduino good.tflite file/sine", "file/sine"),
    ("export-arduino good.tflite /proc/nowhere", "/proc/nowhere"),
    ("export-arduino good.tflite 1.5=x", "1.5_x"),
    ("train --epochs 0 --out new", "epochs"),
    ("train --network model_3 --out new", "model_3"),
    ("train --split 0.5 0.5 0.5 --out new", "split"),
    ("train --out file", "file"),
    ("convert missing", "missing"),
    ("convert foreign", "foreign"),
    ("flash good.tflite", "--port"),
    ("flash good.tflite --port=", "--port is empty"),
    ("verify good.tflite --port=", "--port is empty"),
    ("run --port=", "--port is empty"),
    ("flash missing.elf --port /dev/null", "missing.elf"),
    ("flash text.elf --port /dev/null", "text"),
    ("emulate missing.elf", "missing.elf"),
    ("emulate random.tflite", "random.tflite"),
    ("emulate good.tflite --board nowhere", "nowhere"),
    ("run --out file", "file"),
    ("run --out file/below", "file/below"),
    ("run --out foreign", "foreign"),
    ("run --out /proc/nowhere", "/proc/nowhere"),
    ("run --board nowhere", "nowhere"),
    ("run --json file/evidence.json", "file/evidence.json"),
    ("run --epochs 0", "epochs"),
]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.mark.parametrize(("line", "told"), USAGE, ids=[line for line, _ in USAGE])
def test_bad_input_is_one_clear_line(cli: Callable, place: Path, line: str, told: str) -> None:
    """Exit code 2, one line on standard error that names the thing, nothing on standard output or on disk."""
    before = contents(place)
    ended = cli(*line.split())
    assert ended.code == 2
    assert ended.out == ""
    assert re.fullmatch(r"(?:convert to int8 \.\.\.\n)?error: [^\n]+\n", ended.err)
    assert told.lower() in ended.err.lower()
    assert contents(place) == before


def test_c_source_is_taken_for_the_model_in_it(cli: Callable, place: Path) -> None:
    """A command that takes a .tflite file takes its bytes in C source as well."""
    assert cli("c-array", "good.tflite", "--name", "first", "--out", "c").code == 0
    assert cli("c-array", "c/first.cc", "--name", "second", "--out", "c").code == 0
    first, second = ((place / "c" / f"{name}.cc").read_text() for name in ("first", "second"))
    assert second == first.replace("first", "second")
    ended = cli("references", "c/first.cc", "--inputs", "5")
    assert (ended.code, ended.err) == (0, "")
    from tinysine.commands.rigs import looks_like_model

    assert looks_like_model(place / "c" / "first.cc")
    assert not looks_like_model(place / "text.elf")


def test_an_older_evidence_file_survives_bad_input(cli: Callable, place: Path) -> None:
    """A command that never started leaves the evidence of the last one alone."""
    (place / "evidence.json").write_text("old")
    assert cli("verify", "random.tflite", "--json", "evidence.json").code == 2
    assert (place / "evidence.json").read_text() == "old"


def test_a_hint_follows_the_message(cli: Callable, place: Path) -> None:
    """The line ends with what to try."""
    assert place
    assert re.search(r"\. try: .*--help\n$", cli("verify", "good.tflite", "--rounding", "x").err)
    assert (
        "try: did you mean 'nano33ble-sense'?"
        in cli("verify", "good.tflite", "--board", "nano33ble-sensd").err
    )


def test_an_unexpected_error_is_one_line_with_a_log(
    cli: Callable, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours is exit code 3, one line, and a log that has the traceback; with --debug it is shown."""
    import tinysine.graph

    def broken(_path: object, **_options: object) -> None:
        raise RuntimeError("a bug\nof two lines")

    monkeypatch.setenv("XDG_STATE_HOME", str(place / "state"))
    monkeypatch.setattr(tinysine.graph, "read_judged", broken)
    ended = cli("references", "good.tflite")
    assert ended.code == 3
    assert re.fullmatch(r"error: unexpected RuntimeError: a bug of two lines\. try: [^\n]+\n", ended.err)
    log = Path(ended.err.strip().rsplit(" ", 1)[1])
    assert log.is_file()
    assert log.is_relative_to(place)
    assert "Traceback" in log.read_text()
    assert "Traceback" in cli("--debug", "references", "good.tflite").err
    assert "Traceback" in cli("references", "good.tflite", "--debug").err


def test_a_model_too_large_for_the_board_is_refused(cli: Callable, place: Path) -> None:
    """An image that does not fit says how much it needs, and nothing is written."""
    rng = np.random.default_rng(3)
    wide = [
        LayerSpec(
            weights=rng.integers(-127, 128, (n_out, n_in)).astype(np.int8),
            bias=np.zeros(n_out, np.int32),
            weight_scales=np.array([0.001], np.float32),
            output=Quantization(0.1, 0),
        )
        for n_in, n_out in ((600, 1100), (1100, 600))
    ]
    (place / "wide.tflite").write_bytes(write_model(wide, input=Quantization(0.1, 0)))
    ended = cli("build", "wide.tflite", "--out", "built")
    assert ended.code == 2
    assert re.fullmatch(r"error: [^\n]+\n", ended.err)
    assert not (place / "built").exists() or not any((place / "built").iterdir())


@pytest.mark.parametrize(
    "command", [("verify", "--board", "host", "--inputs", "64", "-q"), ("export-arduino",)]
)
def test_more_inputs_than_a_frame_holds_are_taken(
    cli: Callable[..., Any], place: Path, command: tuple[str, ...]
) -> None:
    """9,216 inputs on a board with frames of 256 bytes: they go in parts."""
    data = random_network(np.random.default_rng(1), widths=(9216, 2, 1), style="trained")
    (place / "wide.tflite").write_bytes(data)
    name, *options = command
    ended = cli(name, "wide.tflite", *(["sketch"] if name == "export-arduino" else []), *options)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    "command", ["build", pytest.param("verify", marks=pytest.mark.needs("qemu-system-avr"))]
)
def test_a_model_too_large_for_the_uno_is_refused(cli: Callable[..., Any], command: str) -> None:
    """1,024 inputs: exit code 2, what does not fit and by how much, from each command that builds."""
    ended = cli(command, str(CASES / "img32_u8.tflite"), "--board", "qemu:arduino-uno")
    assert ended.code == 2
    assert re.fullmatch(r"error: [^\n]+ of RAM [^\n]+ 1,050 more than qemu:arduino-uno [^\n]+\n", ended.err)


def test_an_exported_sketch_says_where_it_does_not_fit(cli: Callable[..., Any], place: Path) -> None:
    """A sketch suits any Arduino board that is large enough; the Uno is named where it is not."""
    ended = cli("export-arduino", str(CASES / "img32_u8.tflite"), "sketch")
    assert ended.code == 0
    assert "not for an Arduino Uno: the image needs at least 3,098 bytes of RAM" in " ".join(
        ended.out.split()
    )
    assert (place / "sketch" / "sketch.ino").is_file()


def test_a_misspelt_variable_is_refused(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the command: a run would otherwise go on with the emulated board, and pass."""
    monkeypatch.setenv("TINYSINE_PROT", "/dev/ttyACM0")
    ended = cli("boards", "--ask", "none")
    assert ended.code == 2
    assert "did you mean TINYSINE_PORT?" in ended.err
    monkeypatch.delenv("TINYSINE_PROT")
    monkeypatch.setenv("TINYSINE_PORT", "")
    ended = cli("boards", "--ask", "none")
    assert (ended.code, "TINYSINE_PORT is empty" in ended.err) == (2, True)
