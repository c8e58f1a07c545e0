"""Engines of the user's, judged as ours is: the figures, and each way in which one may be wrong."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tinysine.boards import load_board
from tinysine.commands.app import app, run_app
from tinysine.device import Device
from tinysine.errors import ConfigError, ModelError
from tinysine.evidence import to_document
from tinysine.image import BuildOptions, choose_engine, read_engine
from tinysine.image.engines import _RECIPES
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.tflite.cut import cut_behind, cut_points
from tinysine.verify import Question, verify

CASES = Path(__file__).parents[1] / "cases"
DENSE = CASES / "engines" / "dense"
SCHEMA = schema_of_document("evidence")
STARTS = "    return dense_buffer(4)"
ONE_BYTE = """
#include "tinysine/model.h"
static TS_TENSOR_ALIGNED uint8_t input;
static TS_TENSOR_ALIGNED uint8_t output[16];
const struct ts_engine ts_engine = {
    .name = "one-byte", .model_sha256 = TS_MODEL_SHA256, .reference = TS_REFERENCE_LITERT,
    .inputs = ts_model_inputs, .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS, .output_count = TS_MODEL_OUTPUTS,
};
int ts_engine_init(void) { return TS_OK; }
void *ts_engine_input(uint8_t index) { (void)index; return &input; }
const void *ts_engine_output(uint8_t index) { (void)index; return output; }
int ts_engine_invoke(void) { return TS_OK; }
"""
# What is done to dense/engine.c, the stage that is blamed, and a word of the finding.
WRONG = {
    "input count": (".input_count = TS_MODEL_INPUTS", ".input_count = 2", "input_count = 2, and the model has 1:"),
    "output count": (".output_count = TS_MODEL_OUTPUTS", ".output_count = 0", "output_count = 0, and the model has 1:"),
    "crash at start": (STARTS, f"    __builtin_trap();\n{STARTS}", "faulted"),
    "refusal at start": (STARTS, f"    return TS_ENGINE;\n{STARTS}", "the engine refused or failed"),
    "behind its arena": (STARTS, f"    TS_ARENA[TS_ARENA_BYTES + 3] = 1;\n{STARTS}", "outside its arena"),
    "before its arena": (STARTS, f"    *(TS_ARENA - 1) = 1;\n{STARTS}", "outside its arena"),
    "writes its input": ("    return TS_OK;", "    dense_buffer(0)[0]++;\n    return TS_OK;", "writes into its inputs"),
    "keeps something": (
        "    return TS_OK;",
        "    static int8_t calls;\n    dense_buffer(1)[0] ^= calls++ & 1;\n    return TS_OK;",
        "answers otherwise when the same inputs are run again",
    ),
    "ends its program": (
        "    return TS_OK;",
        "    extern void exit(int);\n    if (dense_buffer(0)[0] == 5)\n        exit(0);\n    return TS_OK;",
        "the board started anew",
    ),
    "another model": ("= TS_MODEL_SHA256", "= {1, 2, 3}", "its model_sha256 is 010203"),
    "wrong answers": ("scaled + 0.5)", "scaled + 0.75)", "equal no reference"),
}  # fmt: skip
# One of each kind: it dies, it writes where it may not, it lies, it computes something else. The others take longer.
AT_ONCE = ("crash at start", "input count", "before its arena", "another model", "wrong answers")


@pytest.mark.parametrize(
    ("board", "engine", "model", "toolchain"),
    [
        ("nano33ble-sense", "dense", "sine", "auto"),
        pytest.param("nano33ble-sense", "cpp", "sine", "gcc", marks=pytest.mark.long),
        ("nano33ble-sense", "cpp", "sine", "zig"),
        pytest.param("qemu:mps2-an386", "dense", "flatten_first", "auto", marks=pytest.mark.long),
        pytest.param("host", "dense", "flatten_first", "auto", marks=pytest.mark.long),
    ],
)
def test_an_engine_is_judged_as_ours_is(board: str, engine: str, model: str, toolchain: str) -> None:
    """Equal outputs, identity, build, latency, memory; also for a network that the generated engine refuses."""
    file = REFERENCE_MODEL if model == "sine" else CASES / f"{model}.tflite"
    evidence = verify(
        file,
        board=load_board(board),
        options=BuildOptions(engine=read_engine(CASES / "engines" / engine), toolchain=toolchain),
        question=Question(samples=64),
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.mismatches == 0
    assert evidence.memory is not None
    assert evidence.memory.arena_bytes == (256 if engine == "dense" else 0)
    assert evidence.latency is not None
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(document)
    assert document["provenance"]["engine"] == engine
    assert document["provenance"]["device"]["engine"] == engine
    assert "prune" not in document["provenance"]


@pytest.mark.parametrize(
    "wrong", [pytest.param(wrong, marks=[] if wrong in AT_ONCE else [pytest.mark.long]) for wrong in WRONG]
)
def test_what_an_engine_does_wrong_is_its_failure(wrong: str, tmp_path: Path) -> None:
    """One finding names it, and the product has failed."""
    old, new, said = WRONG[wrong]
    engine = shutil.copytree(DENSE, tmp_path / "engine")
    source = (engine / "engine.c").read_text()
    assert old in source
    (engine / "engine.c").write_text(source.replace(old, new))
    board = "nano33ble-sense" if wrong in ("crash at start", "behind its arena", "input count") else "host"
    evidence = verify(
        REFERENCE_MODEL, board=load_board(board), options=BuildOptions(engine=read_engine(engine))
    )
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    text = str(evidence.findings[0])
    assert said in text
    assert "\n" not in text


@pytest.mark.long
@pytest.mark.parametrize("board", ["nano33ble-sense", "stm32f746g-disco"])
def test_a_buffer_that_is_smaller_than_the_input_is_the_engines_failure(board: str, tmp_path: Path) -> None:
    """The inputs overwrite the firmware, which is then silent, or talks nonsense."""
    (tmp_path / "engine.c").write_text(ONE_BYTE)
    (tmp_path / "engine.toml").write_text('name = "one-byte"\nsources = ["engine.c"]\n')
    evidence = verify(
        CASES / "img32_u8.tflite",
        board=load_board(board),
        options=BuildOptions(engine=read_engine(tmp_path)),
        question=Question(samples=64),
    )
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert "is the buffer that ts_engine_input points to as large as the input?" in str(evidence.findings[0])


def test_another_reference_than_was_asked_for_is_told() -> None:
    """An engine that rounds once does not pass for one that rounds twice."""
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board("host"),
        options=BuildOptions(engine=read_engine(DENSE), rounding=Rounding.TFLM),
    )
    assert evidence.exit_code == 1
    assert 'its rounding is litert, and was built for tflm; references = ["litert"]' in str(
        evidence.findings[0]
    )


def test_a_reference_that_an_engine_does_not_answer_as_is_bad_input() -> None:
    """The hint says which it takes, and works as it stands."""
    done = CliRunner().invoke(
        app, ["verify", str(REFERENCE_MODEL), "--board", "host", "--engine", "bakenn", "-q"]
    )
    assert getattr(done.exception, "exit_code", None) == 2
    assert str(done.exception) == "the engine bakenn answers as tflm, not as litert (--reference tflm)"


@pytest.mark.parametrize(
    ("files", "said", "code"),
    [
        ({}, "has no engine.toml", 2),
        (
            {"engine.toml": 'name = "x"\nsources = ["x.c"]\nflag = []\n'},
            "key 'flag' (did you mean 'flags'?)",
            2,
        ),
        (
            {"engine.toml": 'name = "x"\nsources = ["x.c"]\nreferences = ["tflm-float64"]\n'},
            "references[0] is 'tflm-float64' (did you mean 'tflm-float32'?)",
            2,
        ),
        (
            {"engine.toml": 'name = "x"\nsources = ["x.c"]\n', "x.c": "int x;\n"},
            "does not define ts_engine, ts_engine_init, ts_engine_input, ts_engine_invoke, ts_engine_output",
            2,
        ),
        ({"engine.toml": 'name = "x"\nsources = ["x.c"]\n', "x.c": "int x\n"}, "x.c:1:", 2),
    ],
)
def test_a_folder_that_is_no_engine_is_one_line(
    files: dict[str, str], said: str, code: int, tmp_path: Path
) -> None:
    """Before any board is asked."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = CliRunner().invoke(
        app, ["verify", str(REFERENCE_MODEL), "--board", "host", "--engine", str(tmp_path), "-q"]
    )
    error = done.exception
    assert said in str(error)
    assert "\n" not in str(error)
    assert getattr(error, "exit_code", None) == code


@pytest.mark.parametrize("name", ["bakenn", "bakenn-cmsis-nn"])
@pytest.mark.long
def test_a_stranger_from_pypi_is_judged(name: str) -> None:
    """Its kernels round twice, and its arena is its own."""
    pytest.importorskip("bakenn", reason="the extra `engines` brings it")
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board("nano33ble-sense"),
        options=BuildOptions(engine=choose_engine(name), rounding=Rounding.TFLM),
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (256, 0)
    assert evidence.memory is not None
    assert 0 < evidence.memory.arena_high_water_bytes <= evidence.memory.arena_bytes


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "board"), [("bakenn", "nano33ble-sense"), ("bakenn-cmsis-nn", "qemu:mps2-an386")]
)
def test_the_strangers_convolutions_are_judged(
    name: str, board: str, tmp_path: Path, require: Callable[[str], str]
) -> None:
    """Operators that the generated engine does not have: CONV_2D, DEPTHWISE_CONV_2D, ADD, AVERAGE_POOL_2D, RESHAPE."""
    pytest.importorskip("bakenn", reason="the extra `engines` brings it")
    if board.startswith("qemu"):
        require("qemu-system-arm")
    whole = (CASES / "conv_residual.tflite").read_bytes()
    point = next(p for p in cut_points(whole, file="") if p.operator == "RESHAPE")
    model = tmp_path / "convolutions.tflite"
    model.write_bytes(cut_behind(whole, point, file=""))
    evidence = verify(
        model,
        board=load_board(board),
        options=BuildOptions(engine=choose_engine(name), rounding=Rounding.TFLM),
        question=Question(samples=64),
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (64, 0)
    assert evidence.latency is not None


def test_what_the_stranger_refuses_is_told_in_its_words() -> None:
    """Not every file of dense layers is one that it takes, either."""
    pytest.importorskip("bakenn", reason="the extra `engines` brings it")
    with pytest.raises(ModelError, match=r"^the engine bakenn: bakenn 1\.0\.0 refuses the model: \w+"):
        verify(
            CASES / "softmax_end.tflite",
            board=load_board("host"),
            options=BuildOptions(engine=choose_engine("bakenn"), rounding=Rounding.TFLM),
            question=Question(samples=64),
        )


def test_an_operator_that_the_stranger_calls_by_its_number_has_a_name() -> None:
    """Nobody knows the numbers of operators by heart."""
    with_names = runpy.run_path(str(_RECIPES / "bakenn" / "generate.py"))["with_names"]
    said = "operator[12]: unsupported TFLite builtin operator code"
    assert with_names(f"{said} 25") == f"{said} 25 (SOFTMAX)"
    assert with_names(f"{said} 9999") == f"{said} 9999 (unknown)"


@pytest.mark.long
def test_a_command_that_writes_to_the_users_model_for_a_cut_one_is_found(tmp_path: Path) -> None:
    """The builds of `--layers` are the engine's, too."""
    model = Path(shutil.copy(REFERENCE_MODEL, tmp_path / "mine.tflite"))
    engine = Path(shutil.copytree(DENSE, tmp_path / "dense"))
    with (engine / "generate.py").open("a") as script:
        script.write(f"\nif (file := Path({str(model)!r})).read_bytes() != Path(sys.argv[1]).read_bytes():\n")
        script.write("    file.write_bytes(b'overwritten')\n")
    with pytest.raises(ConfigError, match=r"mine\.tflite was changed while the engine"):
        verify(
            model,
            board=load_board("host"),
            options=BuildOptions(engine=read_engine(engine)),
            question=Question(layers=True),
        )


def test_a_command_that_writes_to_the_users_model_is_found(tmp_path: Path) -> None:
    """It is given a copy, and may find the file all the same: what was judged is then nowhere any more."""
    model = Path(shutil.copy(REFERENCE_MODEL, tmp_path / "mine.tflite"))
    engine = Path(shutil.copytree(DENSE, tmp_path / "dense"))
    with (engine / "generate.py").open("a") as script:
        script.write(f"\nPath({str(model)!r}).write_bytes(b'overwritten')\n")
    with pytest.raises(ConfigError, match=r"mine\.tflite was changed while the engine"):
        verify(model, board=load_board("host"), options=BuildOptions(engine=read_engine(engine)))


def test_the_model_is_looked_at_after_every_build(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], pytester: pytest.Pytester
) -> None:
    """By `build` and by the fixtures as by `verify`."""
    model = Path(shutil.copy(REFERENCE_MODEL, tmp_path / "mine.tflite"))
    engine = Path(shutil.copytree(DENSE, tmp_path / "dense"))
    with (engine / "generate.py").open("a") as script:
        script.write(f"\nPath({str(model)!r}).write_bytes(b'overwritten')\n")
    asked = ("--board", "host", "--engine", str(engine), "--out", str(tmp_path / "out"))
    assert run_app(["build", str(model), *asked]) == 2
    assert "mine.tflite was changed while the engine" in capfd.readouterr().err
    shutil.copy(REFERENCE_MODEL, model)
    pytester.makepyfile("def test_image(tinysine_image): pass")
    ended = pytester.runpytest(
        "-p", "no:cacheprovider",
        "--tinysine-board=host", f"--tinysine-engine={engine}", f"--tinysine-model={model}",
    )  # fmt: skip
    ended.stdout.fnmatch_lines(["*mine.tflite was changed while the engine*"])


@pytest.mark.long
def test_an_engine_that_hangs_is_told_by_the_inference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin runs, and its firmware answers nothing any more: the product has failed, and no cable is loose."""
    engine = Path(shutil.copytree(DENSE, tmp_path / "dense"))
    source = (engine / "engine.c").read_text()
    begins = "int ts_engine_invoke(void) {\n"
    assert source.count(begins) == 1
    hangs = "    while (*(volatile int8_t *)ts_engine_input(0) == 50) {\n    }\n"
    (engine / "engine.c").write_text(source.replace(begins, begins + hangs))
    monkeypatch.setitem(Device.connect.__func__.__kwdefaults__, "request_timeout_s", 0.5)  # type: ignore[attr-defined]
    options = BuildOptions(engine=read_engine(engine))
    evidence = verify(REFERENCE_MODEL, board=load_board("nano33ble-sense"), options=options, timeout_s=2)
    assert evidence.exit_code == 1
    assert "inference 178 of 256 (the first is 0) did not end within" in str(evidence.findings[0])
