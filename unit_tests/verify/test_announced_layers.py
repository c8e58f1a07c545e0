"""`verify --layers` of firmware that shows its layers by itself: nothing is built, and a lie about a layer fails."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from tinysine.boards import load_board
from tinysine.commands.app import run_app
from tinysine.errors import ConfigError
from tinysine.evidence import Evidence, to_document
from tinysine.image import BuildOptions, read_engine
from tinysine.link import Request
from tinysine.model import REFERENCE_MODEL, Model, parse_model, read_model
from tinysine.oracles import litert_oracle
from tinysine.testing import FakeDevice, FakeLayer, FakeTensor
from tinysine.testing.fake_device import NUMPY
from tinysine.tflite.cut import cut_behind, cut_points
from tinysine.verify import Question, verify
from unit_tests.verify.test_engines import DENSE
from unit_tests.verify.test_foreign_firmware import SCHEMA, at_port, judge, stranger

FILE = Path(__file__).parents[1] / "cases" / "softmax_end.tflite"
CODES = {kind: code for code, kind in NUMPY.items()}


@pytest.fixture(scope="module")
def model() -> Model:
    """Dense layers and a softmax."""
    return read_model(FILE)


def layers_of(model: Model) -> list[FakeLayer]:
    """Every layer of a model, as the reference has it."""
    layers = []
    for point in cut_points(model.source, file="model"):
        cut = parse_model(cut_behind(model.source, point, file="model"), file="cut")
        (end,) = cut.outputs
        tensor = FakeTensor(end.shape, CODES[end.dtype])
        name = point.name.encode("ascii")[:20]
        layers.append(FakeLayer(point.layer, tensor, litert_oracle(cut).run, name=name))
    return layers


def showing(model: Model, layers: list[FakeLayer]) -> FakeDevice:
    """Foreign firmware that shows these."""
    device = stranger(model)
    device.layers = layers
    return device


def test_layers_that_are_shown_are_judged(model: Model) -> None:
    """Each equals the reference's; two frames carry what one does not; the evidence is that of any run with layers."""
    layers = layers_of(model)
    device = showing(model, layers[::-1])  # in any order
    device.payload_max = 128
    evidence = judge(FILE, device, layers=True)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.layers is not None
    assert evidence.layers.reference == "litert"
    assert [row.layer for row in evidence.layers.rows] == sorted(layer.operator for layer in layers)
    assert all(row.checked >= 8 and not row.differing for row in evidence.layers.rows)
    assert [row.values for row in evidence.layers.rows] == [layer.tensor.count for layer in layers]
    Draft202012Validator(SCHEMA).validate(to_document(evidence))


def test_answers_are_held_against_the_first_ones_while_layers_are_read(model: Model) -> None:
    """Firmware that answers otherwise from the first LAYER on, though each layer is right."""
    device = showing(model, layers_of(model))
    right = device.expected

    def spoil(request: int) -> None:
        if request == Request.LAYER:
            device.expected = lambda *values: right(*values) ^ 1

    device.on_request = spoil
    evidence = judge(FILE, device, layers=True)
    assert evidence.exit_code == 1
    assert "the engine answers otherwise when its layers are read: input" in str(evidence.findings[0])


def test_the_first_layer_that_differs_is_named(model: Model) -> None:
    """With its operator and its tensor, though the answers are right; what is not shown is not asked."""
    layers = layers_of(model)
    right = layers[1].values

    def wrong(*values: NDArray[Any]) -> NDArray[Any]:
        changed = np.array(right(*values))
        changed[:, 1] ^= 1
        return changed

    device = showing(model, [dataclasses.replace(layers[1], values=wrong), layers[-1]])
    evidence = judge(FILE, device, layers=True)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert evidence.layers is not None
    first, second, *_ = evidence.layers.rows
    assert "does not announce it" in first.not_asked
    assert second.differing == second.checked
    said = str(evidence.findings[0])
    assert f"layer 1 ({second.operator}" in said
    assert "value 1" in said


Change = Callable[[FakeDevice, list[FakeLayer]], None]


def announce(*layers: FakeLayer) -> Change:
    """Have a device show these beside its own."""
    return lambda device, own: setattr(device, "layers", [*own, *layers])


LIES: dict[str, tuple[Change, str]] = {
    "no such request": (
        lambda device, _: setattr(device, "lacks", {*device.lacks, 14}),
        "it announces LAYERS, and refuses it",
    ),
    "no values": (
        lambda device, _: device.refuse.update({15: (6, b"")}),
        "it announces LAYERS, and refuses it",
    ),
    "an operator beyond the file": (
        announce(FakeLayer(99, FakeTensor((1, 2)), lambda *_: np.zeros(2), name=b"ghost")),
        "layer {count} (ghost) as output 0 of operator 99, which the model has not",
    ),
    "an output that the operator has not": (
        announce(FakeLayer(0, FakeTensor((1, 2)), lambda *_: np.zeros(2), output=1)),
        "as output 1 of operator 0, which the model has not",
    ),
    "one layer twice": (
        lambda device, own: setattr(device, "layers", [*own, own[0]]),
        "and another one, as output 0 of operator 0",
    ),
    "as many as a number can say": (
        lambda device, own: setattr(device, "layers", [*own, *[own[-1]] * (65_535 - len(own))]),
        "and another one, as output 0 of operator",
    ),
    "a layer that makes no sense": (
        lambda device, _: device.refuse.update({14: (0, b"?")}),
        "it announces LAYERS, and answers it with nonsense",
    ),
    "another shape": (
        lambda device, own: setattr(
            device, "layers", [dataclasses.replace(own[0], tensor=FakeTensor((1, 1))), *own[1:]]
        ),
        "as int8 [1, 1]; layer 0 (FULLY_CONNECTED",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_it_announces_and_has_not_fails(model: Model, lie: str) -> None:
    """One line says what, and the product has failed; nothing of a layer is made up."""
    layers = layers_of(model)
    device = showing(model, layers)
    change, said = LIES[lie]
    change(device, layers)
    evidence = judge(FILE, device, layers=True)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert sum(frame[5] == Request.LAYER for frame in device.frames) <= len(layers_of(model)) + 1
    text = str(evidence.findings[0])
    assert said.format(count=len(layers)) in text
    assert "\n" not in text
    assert evidence.layers is not None
    assert all(row.not_asked and not row.checked for row in evidence.layers.rows)


KEPT = """
static int8_t kept[DENSE_LAYERS][DENSE_WIDEST];

const void *ts_engine_layer_output(uint16_t index) {
    return index < DENSE_LAYERS ? kept[index] : 0;
}
"""


def dense_engine(folder: Path, *, value: str = "out[row]", layers: bool = True) -> Path:
    """The engine in C of the tests, which keeps what its layers wrote."""
    shutil.copytree(DENSE, folder)
    source = (folder / "engine.c").read_text()
    for old, new in (
        ("int ts_engine_invoke", f"{KEPT}\nint ts_engine_invoke"),
        ("        in = out;\n", f"        for (int row = 0; row < layer->outputs; row++) {{\n"
         f"            kept[number][row] = (int8_t)({value});\n        }}\n        in = out;\n"),
    ):  # fmt: skip
        assert source.count(old) == 1
        source = source.replace(old, new)
    (folder / "engine.c").write_text(source)
    if layers:
        with (folder / "engine.toml").open("a") as file:
            file.write("layers = true\n")
    return folder


def judged(engine: Path, board: str) -> Evidence:
    """The evidence of a sine, layer by layer."""
    options = BuildOptions(engine=read_engine(engine))
    return verify(REFERENCE_MODEL, board=load_board(board), options=options, question=Question(layers=True))


@pytest.mark.parametrize("board", ["host", pytest.param("nano33ble-sense", marks=pytest.mark.long)])
def test_an_engine_of_a_users_shows_its_layers(
    tmp_path: Path, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one function more, and a line in engine.toml: no model is cut off, and nothing else is built."""
    monkeypatch.setattr("tinysine.verify.conduct.layers_of_run", None)
    evidence = judged(dense_engine(tmp_path / "dense"), board)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.layers is not None
    assert [(row.layer, row.values, row.differing) for row in evidence.layers.rows] == [
        (0, 16, 0),
        (1, 16, 0),
        (2, 1, 0),
    ]


def test_a_wrong_layer_of_an_engine_is_named(tmp_path: Path) -> None:
    """Whatever its answers are."""
    engine = dense_engine(tmp_path / "dense", value="number == 1 && row == 2 ? out[row] ^ 1 : out[row]")
    evidence = judged(engine, "host")
    assert evidence.exit_code == 1
    assert "layer 1 (FULLY_CONNECTED" in str(evidence.findings[0])
    assert "value 2" in str(evidence.findings[0])


def test_an_engine_that_says_layers_and_has_no_function_is_told_which(tmp_path: Path) -> None:
    """By the linker, in our words: bad input."""
    engine = Path(shutil.copytree(DENSE, tmp_path / "dense"))
    with (engine / "engine.toml").open("a") as file:
        file.write("layers = true\n")
    with pytest.raises(ConfigError, match="does not define ts_engine_layer_output"):
        judged(engine, "host")


def test_firmware_without_layers_is_told_so_in_one_line(
    model: Model, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is bad input: the option was asked for where it cannot be had."""
    with at_port(stranger(model)) as port:
        command = ["verify", str(FILE), "--firmware", "foreign", "--port", port, "--layers", "--inputs", "64"]
        assert run_app(command) == 2
    told = capfd.readouterr().err
    assert "does not announce layers" in told
    assert "try: leave --layers out" in told


def test_nobody_asks_for_layers_who_was_not_told_to(model: Model) -> None:
    """Without `--layers` they stay where they are."""
    device = showing(model, layers_of(model))
    assert judge(FILE, device).layers is None
    assert not {14, 15} & {frame[5] for frame in device.frames}
