"""Firmware that was not built here: it is judged by its answers, and what it does not prove is said."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from numpy.typing import NDArray
from typer.testing import CliRunner

from tinysine.boards import FOREIGN, load_board
from tinysine.commands.app import app, run_app
from tinysine.commands.verdict_shown import headline_of
from tinysine.errors import ConfigError, IdentityMismatch
from tinysine.evidence import Evidence, to_document
from tinysine.image import DEFAULTS, BuildOptions
from tinysine.model import REFERENCE_MODEL, Model, read_model
from tinysine.oracles import litert_oracle, tflm_oracle
from tinysine.place import AtPort
from tinysine.quantization import Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice
from tinysine.verify import Question, verify

CASES = Path(__file__).parents[1] / "cases"
SCHEMA = schema_of_document("evidence")
OPTIONAL = {4, 5, 6, 7, 8, 9}  # TIME, MEMORY, FAULT, RESET, DEMO, COUNTERS


def stranger(model: Model, *, has: set[int] | None = None) -> FakeDevice:
    """A device that only identifies itself and infers, and `has` more requests if they are named."""
    device = FakeDevice.of_model(model, litert_oracle(model).run, payload_max=512)
    device.engine_name, device.board_name, device.build_id = b"theirs", b"gadget", bytes(16)
    device.lacks = OPTIONAL - (has or set())
    if not has or 4 not in has:
        device.counter = 0
    return device


@contextlib.contextmanager
def at_port(device: FakeDevice) -> Iterator[str]:
    """Put a device behind a terminal."""
    terminal = PtyDevice(device)
    try:
        yield terminal.port
    finally:
        terminal.close()


def judge(file: Path, device: FakeDevice, *, options: BuildOptions = DEFAULTS, **asked: Any) -> Evidence:
    """Verify a device as foreign firmware."""
    with at_port(device) as port:
        return verify(
            file,
            board=FOREIGN,
            place=AtPort(port),
            firmware="foreign",
            options=options,
            question=Question(samples=64, **asked),
            timeout_s=5,
        )


@pytest.mark.parametrize("last", [4, 5, 6])
def test_answers_after_everything_else_are_held_against_the_first_ones(last: int) -> None:
    """Firmware whose answers are wrong from its first TIME, MEMORY or FAULT after they were judged on."""
    file = CASES / "dense_on_3d.tflite"
    device = stranger(read_model(file), has={4, 5, 6, 9})
    right, inferred = device.expected, []

    def spoil(request: int) -> None:
        inferred.append(request == 2)
        if request == last and any(inferred):
            device.expected = lambda *values: right(*values) ^ 1

    device.on_request = spoil
    evidence = judge(file, device)
    assert evidence.exit_code == 1
    assert "the engine answers otherwise when it is asked again, last of all: input" in str(evidence.findings)


@pytest.mark.parametrize("name", ["batch8", "dense_on_3d", "flatten_first", "softmax_end", "asm_n109"])
def test_a_model_that_the_engine_cannot_run_is_judged(name: str) -> None:
    """Only the interpreters have to know its operators; shapes and batches are the file's."""
    file = CASES / f"{name}.tflite"
    evidence = judge(file, stranger(read_model(file)))
    assert (evidence.verdict, evidence.exit_code) == ("pass", 0)
    assert evidence.outputs is not None
    assert evidence.outputs.checked == 64
    assert evidence.outputs.reference == "litert"


def test_what_is_not_proved_is_said_and_nothing_is_made_up() -> None:
    """Absent figures are absent; settings of our own engine are no facts of a foreign one."""
    evidence = judge(REFERENCE_MODEL, stranger(read_model(REFERENCE_MODEL)))
    document = to_document(evidence)
    assert evidence.verdict == "pass"
    assert document["provenance"]["firmware"] == "foreign"
    assert document["provenance"]["not_proved"] == [
        "build",
        "board",
        "latency",
        "memory",
        "requests answered",
    ]
    assert not {"latency", "memory"} & set(document)
    assert not {"optimize", "prune", "build_id", "image_sha256"} & set(document["provenance"])
    assert document["provenance"]["device"]["engine"] == "theirs"
    assert document["board"]["kind"] == "unknown"


def test_figures_that_it_offers_are_taken() -> None:
    """Counts of a counter that nobody knows are no cycles; memory is what the device says."""
    evidence = judge(REFERENCE_MODEL, stranger(read_model(REFERENCE_MODEL), has={4, 5, 6, 9}))
    assert evidence.verdict == "pass"
    assert evidence.latency is not None
    assert evidence.latency.unit == "counts"
    assert evidence.memory is not None
    assert evidence.memory.arena_bytes == 32
    assert evidence.provenance.not_proved == ("build", "board", "time behind its counts")


def test_one_wrong_answer_fails() -> None:
    """A single bit of a single answer, as with our own firmware."""
    model = read_model(CASES / "softmax_end.tflite")
    device = stranger(model)
    right = device.expected

    def wrong(values: NDArray[Any]) -> NDArray[Any]:
        answers = right(values).copy()
        answers[values.sum(axis=1) == 4 * 127, 0] ^= 1
        return answers

    device.expected = wrong
    evidence = judge(CASES / "softmax_end.tflite", device)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert evidence.outputs is not None
    assert evidence.outputs.mismatches == 1


@pytest.mark.needs("tflite_micro")
def test_the_other_reference_is_recognised() -> None:
    """Convolutions or dense layers: firmware that answers as TensorFlow Lite Micro does is told so."""
    file = CASES / "batch8.tflite"
    model = read_model(file)
    device = stranger(model)
    device.expected = tflm_oracle(model).run
    evidence = judge(file, device)
    assert evidence.verdict == "fail"
    assert "every answer equals tflm" in str(evidence.findings[0])
    device.reference = 1
    assert judge(file, device, options=BuildOptions(rounding=Rounding.TFLM)).verdict == "pass"


def test_another_model_or_reference_is_not_judged() -> None:
    """The model and the reference are proved first; the hint names an option of this command."""
    device = stranger(read_model(CASES / "softmax_end.tflite"))
    with pytest.raises(IdentityMismatch, match="model_sha256") as caught:
        judge(REFERENCE_MODEL, device)
    assert "tinysine flash" not in caught.value.hint
    device.reference = 1
    with pytest.raises(IdentityMismatch, match="rounding tflm, not litert") as caught:
        judge(CASES / "softmax_end.tflite", device)
    assert "--reference tflm" in caught.value.hint


def test_ends_that_contradict_the_file_fail() -> None:
    """The right SHA-256 with another scale is a lie of the firmware."""
    device = stranger(read_model(REFERENCE_MODEL))
    device.outputs = (dataclasses.replace(device.outputs[0], scale=0.25),)
    evidence = judge(REFERENCE_MODEL, device)
    assert evidence.verdict == "fail"
    assert "proves its model, but reports output quantization" in str(evidence.findings[0])


def test_a_port_is_needed() -> None:
    """Nothing can be started for it."""
    with pytest.raises(ConfigError, match="no port was named"):
        verify(REFERENCE_MODEL, board=FOREIGN, firmware="foreign")


@pytest.mark.parametrize("port", [(), ("--port", "twin"), ("--port", "auto")])
def test_the_command_line_needs_a_port(port: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """Said in the command's own words; no other option is named."""
    assert run_app(["verify", str(REFERENCE_MODEL), "--firmware", "foreign", *port]) == 2
    told = capfd.readouterr().err
    assert "no port was named. try: --port with" in told
    assert "--tinysine-port" not in told


def test_from_the_command_line() -> None:
    """No board is named, nothing is built, and the verdict line says whose firmware it is."""
    file = CASES / "softmax_end.tflite"
    with at_port(stranger(read_model(file))) as port:
        result = CliRunner().invoke(app, ["verify", str(file), "--firmware", "foreign", "--port", port])
    assert result.exit_code == 0, result.output
    assert f"on foreign firmware at {port} (unknown): sampled: 1,000 of 2^32 inputs" in result.output
    assert "foreign firmware does not prove: build, board, latency, memory" in result.output


def test_its_flash_is_that_of_no_sketch() -> None:
    """Figures of memory come without those of an image."""
    with at_port(stranger(read_model(REFERENCE_MODEL), has={5})) as port:
        result = CliRunner().invoke(
            app, ["verify", str(REFERENCE_MODEL), "--firmware", "foreign", "--port", port]
        )
    assert result.exit_code == 0, result.output
    assert "not known: the firmware was compiled elsewhere" in result.output


def test_the_users_data_is_asked(tmp_path: Path) -> None:
    """Equality stays the verdict; accuracy, who changed class, and the file are told beside it."""
    file = CASES / "softmax_end.tflite"
    model = read_model(file)
    inputs = np.random.default_rng(0).integers(-128, 128, (50, 4)).astype(np.int8)
    labels = litert_oracle(model).run(inputs).argmax(axis=1)
    np.savez(tmp_path / "set.npz", x=inputs, labels=labels)
    device = stranger(model)
    right = device.expected
    device.expected = lambda values: right(values)[:, ::-1]
    evidence = judge(file, device, data=tmp_path / "set.npz")
    assert evidence.verdict == "fail"
    assert evidence.outputs is not None
    assert evidence.outputs.checked == 50
    assert evidence.classes is not None
    assert evidence.classes.reference == 1.0
    assert evidence.classes.device < 1.0
    assert evidence.classes.changed_count == round(50 * (1 - evidence.classes.device))
    document = to_document(evidence)
    assert document["provenance"]["data"]["inputs"] == 50
    assert document["outputs"]["metrics"]["max_abs"] > 0
    Draft202012Validator(SCHEMA).validate(document)


@pytest.mark.parametrize(
    ("name", "label", "says"),
    [
        ("softmax_end", 3, "the data has label 3, and the model has 3 outputs"),
        ("sine_int8", 0, "labels are class numbers, and the model has one output"),
    ],
)
def test_labels_that_name_no_class_are_refused_before_the_board_is_asked(
    name: str, label: int, says: str, tmp_path: Path
) -> None:
    """Nothing is at this port: a verdict that was reached there would be lost to the bad data afterwards."""
    file = REFERENCE_MODEL if name == "sine_int8" else CASES / f"{name}.tflite"
    inputs = np.zeros((64, read_model(file).input.count), np.int8)
    np.savez(tmp_path / "d.npz", x=inputs, labels=np.full(64, label))
    with pytest.raises(ConfigError, match=says):
        verify(
            file,
            board=FOREIGN,
            place=AtPort("/dev/nowhere"),
            firmware="foreign",
            question=Question(data=tmp_path / "d.npz"),
        )


def test_an_input_without_an_answer_is_bad_input(tmp_path: Path) -> None:
    """An input without a number from the reference is refused and named, such as 0 for y = log x."""
    file = CASES / "log.tflite"
    inputs = np.ones((64, read_model(file).input.count), np.float32)
    inputs[7] = 0
    np.save(tmp_path / "d.npy", inputs)
    options: dict[str, Any] = {"data": tmp_path / "d.npy", "tolerance_abs": 1e-5}
    device = stranger(read_model(file))
    with pytest.raises(ConfigError, match=r"the reference answers -inf to input 7 \(0.0"):
        judge(file, device, **options)


def test_a_float_model_needs_labelled_data(tmp_path: Path) -> None:
    """Its outputs are not compared, only its classes."""
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.int8))
    with pytest.raises(ConfigError, match="no labelled data"):
        verify(
            REFERENCE_MODEL,
            board=FOREIGN,
            place=AtPort("x"),
            firmware="foreign",
            question=Question(float_model=REFERENCE_MODEL),
        )
    with pytest.raises(ConfigError, match="it is no float model"):
        verify(
            CASES / "softmax_end.tflite",
            board=FOREIGN,
            place=AtPort("x"),
            firmware="foreign",
            question=Question(data=tmp_path / "x.npy", float_model=REFERENCE_MODEL),
        )


def off_by(file: Path, amount: float) -> FakeDevice:
    """A device whose first output is off in every answer."""
    device = stranger(read_model(file))
    right = device.expected

    def answer(values: NDArray[Any]) -> NDArray[Any]:
        answers = right(values).copy()
        # Away from the end of the codes, which would wrap around.
        answers[:, 0] += (np.where(answers[:, 0] > 100, -1, 1) * amount).astype(answers.dtype)
        return answers

    device.expected = answer
    return device


def test_a_tolerance_is_named_and_never_the_default() -> None:
    """One code off fails; it passes where one code was asked for, and the verdict says so."""
    file = CASES / "softmax_end.tflite"
    assert judge(file, off_by(file, 1)).verdict == "fail"
    evidence = judge(file, off_by(file, 1), tolerance=1)
    assert evidence.verdict == "pass"
    assert "within 1 code of litert, as was asked for (64 not equal)" in headline_of(evidence)
    document = to_document(evidence)
    assert (document["outputs"]["tolerance"], document["outputs"]["tolerated"]) == (1, 64)
    Draft202012Validator(SCHEMA).validate(document)
    assert judge(file, off_by(file, 2), tolerance=1).verdict == "fail"


def test_floats_that_are_computed_need_a_tolerance() -> None:
    """Two engines that compute in float32 are rarely equal; a NaN is within no tolerance."""
    file = CASES / "float16.tflite"
    with pytest.raises(ConfigError, match="computed in float32"):
        judge(file, off_by(file, 0))
    assert judge(file, off_by(file, 1e-6), tolerance_abs=1e-5).verdict == "pass"
    assert judge(file, off_by(file, 1e-3), tolerance_abs=1e-5).verdict == "fail"
    assert judge(file, off_by(file, np.nan), tolerance_abs=1e-5).verdict == "fail"


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("softmax_end", {"tolerance": 128}, "let any answer pass"),
        ("softmax_end", {"tolerance": -1}, "means nothing"),
        ("softmax_end", {"tolerance_abs": 0.1}, "is int8"),
        ("float16", {"tolerance": 1}, "is float32"),
        ("float16", {"tolerance_abs": float("inf")}, "let any answer pass"),
        ("float16", {"tolerance_abs": float("nan")}, "means nothing"),
    ],
)
def test_a_tolerance_that_means_nothing_is_refused(name: str, options: dict[str, Any], says: str) -> None:
    """Before the device is asked."""
    with pytest.raises(ConfigError, match=says):
        verify(
            CASES / f"{name}.tflite",
            board=FOREIGN,
            place=AtPort("x"),
            firmware="foreign",
            question=Question(**options),
        )


def test_our_own_firmware_has_no_tolerance() -> None:
    """It is equal, or it is wrong."""
    with pytest.raises(ConfigError, match="a tolerance is for engines and firmware of others"):
        verify(REFERENCE_MODEL, board=load_board("host"), question=Question(tolerance=1))


def test_a_tolerance_counts_for_the_sine_and_for_a_soak() -> None:
    """One code off is a larger error than the reference's own, and wrong answers of a soak: both were allowed."""
    evidence = judge(REFERENCE_MODEL, off_by(REFERENCE_MODEL, 1), tolerance=1, soak=300)
    assert (evidence.verdict, evidence.sine) == ("pass", None)
    assert evidence.soak is not None
    assert evidence.soak.asked == 300
    assert judge(REFERENCE_MODEL, off_by(REFERENCE_MODEL, 2), tolerance=1).verdict == "fail"


def test_a_soak_asks_for_nothing_that_is_not_there() -> None:
    """A device without FAULT, RESET and COUNTERS is soaked, and never reset; the evidence says so."""
    evidence = judge(REFERENCE_MODEL, stranger(read_model(REFERENCE_MODEL)), soak=300)
    assert evidence.verdict == "pass"
    assert evidence.soak is not None
    assert (evidence.soak.asked, evidence.soak.resets) == (300, 0)
    assert "resets" in evidence.provenance.not_proved
