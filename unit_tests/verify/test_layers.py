"""Firmware that is wrong in one layer: `--layers` names that layer; firmware that is right passes."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tinysine import codegen
from tinysine.boards import load_board
from tinysine.codegen.plan import LayerPlan, Plan, plan_network
from tinysine.commands.layers_shown import show_layers
from tinysine.commands.verdict_shown import headline_of
from tinysine.errors import ConfigError, IdentityMismatch, ModelError
from tinysine.evidence import to_document
from tinysine.graph import DenseChain, Network, parse_network
from tinysine.image import BuildOptions, Image, build_image, read_engine
from tinysine.model import REFERENCE_MODEL, Model
from tinysine.oracles import integer_oracle_name, matching_oracle_name
from tinysine.quantization import Quantization, Rounding
from tinysine.rigs import Rig, open_rig
from tinysine.schemas import schema as schema_of_document
from tinysine.stimuli import sample_inputs
from tinysine.tflite.writer import LayerSpec, write_model
from tinysine.verdicts import LayerDifference, LayerRow, LayersVerdict, judge_layers
from tinysine.verify import Question, verify
from tinysine.verify.layers import MOST_INPUTS, layer_inputs, verify_layers

CASES = Path(__file__).parents[1] / "cases"
HOST = load_board("host")
SCHEMA = schema_of_document("evidence")
WIDTHS = (6, 6, 6, 3)
Mutant = Callable[[pytest.MonkeyPatch], None]


def written() -> bytes:
    """A network of three layers, two of them of one shape; a QUANTIZE before, and a DEQUANTIZE behind them."""
    rng = np.random.default_rng(4)
    layers = [
        LayerSpec(
            weights=rng.integers(-127, 128, (outputs, inputs)).astype(np.int8),
            bias=rng.integers(-500, 500, outputs).astype(np.int32),
            weight_scales=np.array([0.01], np.float32),
            output=Quantization(0.1, -7),
        )
        for inputs, outputs in itertools.pairwise(WIDTHS)
    ]
    return write_model(layers, input=Quantization(0.05, 3), input_type="float32", output_type="float32")


MODEL = parse_network(written(), file="three")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One twin, flashed again and again."""
    with open_rig(HOST) as board:
        yield board


def build(cut: Model, rounding: Rounding = Rounding.LITERT) -> Image:
    """Build the firmware of a cut model."""
    return build_image(
        parse_network(cut.source, file="the model cut off behind it"),
        HOST,
        options=BuildOptions(rounding=rounding),
    )


def examined(
    rig: Rig,
    rounding: Rounding = Rounding.LITERT,
    engine: str = "tinysine",
    *,
    notes: list[str] | None = None,
) -> LayersVerdict:
    """Ask every layer."""
    inputs = sample_inputs(MODEL, seed=0, count=64).codes
    verdict, stats = verify_layers(
        MODEL,
        build(MODEL, rounding),
        rig,
        build=lambda cut: build(cut, rounding),
        engine=engine,
        rounding=rounding,
        inputs=inputs,
        seed=0,
        timeout_s=20,
        on_progress=lambda _steps, _done, note: None if notes is None else notes.append(note),
    )
    assert stats.requests
    return verdict


def test_a_layer_that_takes_long_says_how_far_it_is(rig: Rig) -> None:
    """Its answers are counted, and then it is timed: one that is wide or deep takes minutes."""
    notes: list[str] = []
    rows = examined(rig, notes=notes).rows
    for number, row in enumerate(rows, start=1):
        ask = f"ask {number} of {len(rows)}"
        told = [note for note in notes if note.startswith(ask)]
        assert told[0] == f"{ask}: {row.name}"
        assert told[-2:] == [f"{ask}, 64 of 64 answers: {row.name}", f"{ask}, time inferences: {row.name}"]


def flipped_weight(patch: pytest.MonkeyPatch) -> None:
    """One bit of one weight of the second layer, in every firmware that has it."""
    real = codegen.generate

    def generate(model: Network, **options: Any) -> codegen.GeneratedEngine:
        if not isinstance(model, DenseChain):
            return real(model, **options)
        layers = list(model.layers)
        if len(layers) > 1:
            weights = layers[1].weights.copy()
            weights[2, 3] ^= 0x40
            layers[1] = dataclasses.replace(layers[1], weights=weights)
        return real(dataclasses.replace(model, layers=tuple(layers)), **options)

    patch.setattr(codegen, "generate", generate)


def wrong_shift(patch: pytest.MonkeyPatch) -> None:
    """The third layer's sums are shifted by one bit too many."""

    def shifted(layer: LayerPlan) -> LayerPlan:
        recipes = tuple(dataclasses.replace(recipe, shift=recipe.shift + 1) for recipe in layer.recipes)
        return dataclasses.replace(layer, right_shift=layer.right_shift + 1, recipes=recipes)

    def plan(model: Network, **options: Any) -> Plan:
        made = plan_network(model, **options)
        layers = [shifted(layer) if number == 2 else layer for number, layer in enumerate(made.layers)]
        return dataclasses.replace(made, layers=tuple(layers))

    patch.setattr(importlib.import_module("tinysine.codegen.generate"), "plan_network", plan)


def swapped_layers(patch: pytest.MonkeyPatch) -> None:
    """The first and the second layer have changed places."""
    real = codegen.generate

    def generate(model: Network, **options: Any) -> codegen.GeneratedEngine:
        if not isinstance(model, DenseChain):
            return real(model, **options)
        layers = tuple(MODEL.layers[number] for number in (1, 0, 2)[: len(model.layers)])
        return real(dataclasses.replace(model, layers=layers), **options)

    patch.setattr(codegen, "generate", generate)


@pytest.mark.parametrize("rounding", [Rounding.LITERT, pytest.param(Rounding.TFLM, marks=pytest.mark.long)])
def test_right_firmware_passes(rig: Rig, rounding: Rounding) -> None:
    """Each layer is asked, the conversion before them, too."""
    verdict = examined(rig, rounding)
    assert verdict.passed, verdict.finding
    first, *others = verdict.rows
    assert (first.operator, first.checked) == ("QUANTIZE", 64)
    assert [(row.layer, row.operator, row.tensor) for row in others] == [
        (1, "FULLY_CONNECTED", "dense_0"),
        (2, "FULLY_CONNECTED", "dense_1"),
        (3, "FULLY_CONNECTED", "dense_2"),
        (4, "DEQUANTIZE", "output"),
    ]
    assert [(row.checked, row.values, row.dtype) for row in others] == [
        (64, 6, "int8"), (64, 6, "int8"), (64, 3, "int8"), (64, 3, "float32"),
    ]  # fmt: skip
    assert verdict.reference in (matching_oracle_name(rounding), integer_oracle_name(rounding))
    assert verdict.unit == "ns"


@pytest.mark.parametrize(
    ("mutant", "layer"),
    [
        pytest.param(swapped_layers, "layer 1 (FULLY_CONNECTED dense_0): ", marks=pytest.mark.long),
        (wrong_shift, "layer 3 (FULLY_CONNECTED dense_2): "),
    ],
)
def test_the_wrong_layer_is_named(
    rig: Rig, mutant: Mutant, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those before it are equal, and those behind it are not blamed first."""
    mutant(monkeypatch)
    verdict = examined(rig)
    assert verdict.finding is not None
    assert verdict.finding.reason.startswith(layer)
    assert " of 64 x " in verdict.finding.reason
    wrong = next(number for number, row in enumerate(verdict.rows) if row.differing)
    assert all(row.first is None for row in verdict.rows[:wrong])


@pytest.mark.long
def test_the_verdict_line_and_the_evidence_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file to the evidence: a flipped weight of the second layer."""
    flipped_weight(monkeypatch)
    file = tmp_path / "three.tflite"
    file.write_bytes(written())
    evidence = verify(file, board=HOST, question=Question(samples=64, layers=True), timeout_s=20)
    assert evidence.verdict == "fail"
    assert "engine: layer 2 (FULLY_CONNECTED dense_1): " in headline_of(evidence)
    document = to_document(evidence)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document)))
    rows = document["layers"]["rows"]
    assert [row.get("differing", 0) > 0 for row in rows] == [False, False, True, True, True]
    assert rows[0]["checked"] == 64
    assert rows[2]["first"]["element"] == 2
    assert document["findings"][0]["reason"].startswith("layer 2 ")


@pytest.mark.long
def test_a_crash_in_a_cut_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware that dies is a wrong product; what comes behind was not asked."""
    real = codegen.generate

    def generate(model: Network, **options: Any) -> codegen.GeneratedEngine:
        engine = real(model, **options)
        if not isinstance(model, DenseChain):  # the conversion alone
            return engine
        source, places = re.subn(r"(void ts_engine_run\([^)]*\) {)", r"\1 __builtin_trap();", engine.source)
        assert places == 1
        return dataclasses.replace(engine, source=source)

    monkeypatch.setattr(codegen, "generate", generate)
    with open_rig(HOST) as own:
        verdict = examined(own)
    assert verdict.finding is not None
    assert "layer 1 (FULLY_CONNECTED dense_0)" in str(verdict.finding)
    assert [row.checked for row in verdict.rows] == [64, 0, 0, 0, 0]


def test_a_cut_of_another_engine_shows_nothing(rig: Rig) -> None:
    """A layer computed by another engine is not taken for a layer of this one."""
    with pytest.raises(
        IdentityMismatch, match=r"layer 0 .* by the engine tinysine, and the whole model by theirs"
    ):
        examined(rig, engine="theirs")


def test_a_real_board_is_told_about_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of flashes is told before; the whole model runs on the board at the end, even if a cut failed."""
    told: list[str] = []
    with open_rig(HOST) as own:
        own.kind, own.can_restart = "hardware", False
        flashed: list[bytes] = []
        real = own.flash
        monkeypatch.setattr(
            own, "flash", lambda image, **why: (flashed.append(image.build_id), real(image, **why))
        )

        def build_but_the_second(cut: Model) -> Image:
            network = parse_network(cut.source, file="x")
            if isinstance(network, DenseChain) and len(network.layers) == 2:
                raise ModelError("it cannot end there")
            return build(cut)

        whole = build(MODEL)
        verdict, _stats = verify_layers(
            MODEL, whole, own, build=build_but_the_second, engine="tinysine", rounding=Rounding.LITERT,
            inputs=sample_inputs(MODEL, seed=0, count=64).codes, seed=0, timeout_s=20, tell=told.append,
        )  # fmt: skip
    assert told == [
        "host is flashed 4 times: with the model cut off behind each layer, and with the whole model at the end"
    ]
    assert len(flashed) == 4
    assert flashed[-1] == whole.build_id
    assert [row.not_asked for row in verdict.rows][2] == "it cannot end there"


@pytest.mark.long
def test_an_engine_of_the_users_is_asked_layer_by_layer(tmp_path: Path) -> None:
    """It is built for each cut model; what it cannot end with is said; its fault is found in the layer that has it."""
    engine = shutil.copytree(CASES / "engines" / "dense", tmp_path / "engine")
    source = engine / "engine.c"
    text = source.read_text(encoding="utf-8")
    wrong = text.replace("scaled + 0.5)", "scaled + (number == 1 ? 1.5 : 0.5))").replace(
        "int row, const int8_t *in)", "int row, const int8_t *in, int number)"
    ).replace("dense_output(layer, row, in)", "dense_output(layer, row, in, number)")  # fmt: skip
    source.write_text(wrong, encoding="utf-8")
    file = CASES / "flatten_first.tflite"
    evidence = verify(
        file,
        board=HOST,
        options=BuildOptions(engine=read_engine(engine)),
        question=Question(samples=64, layers=True),
        timeout_s=20,
    )
    assert evidence.layers is not None
    assert [row.operator for row in evidence.layers.rows] == ["RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED"]
    assert [row.differing > 0 for row in evidence.layers.rows] == [False, False, True]
    assert evidence.findings[0].reason.startswith("layer 2 (FULLY_CONNECTED ")
    assert [row.max_abs_diff for row in evidence.layers.rows][1:] == [0, 1]
    source.write_text(text, encoding="utf-8")
    evidence = verify(
        file,
        board=HOST,
        options=BuildOptions(engine=read_engine(engine)),
        question=Question(samples=64, layers=True),
        timeout_s=20,
    )
    assert evidence.verdict == "pass", evidence.findings


def test_inputs_that_were_wrong_are_asked_first() -> None:
    """A few hundred are enough for a layer, those among them that show the fault."""
    inputs = np.arange(2000, dtype=np.float32)[:, None]
    wrong = np.zeros(2000, bool)
    wrong[[3, 1999]] = True
    chosen = layer_inputs(inputs, wrong, seed=1)
    assert len(chosen) == MOST_INPUTS
    assert chosen[:2, 0].tolist() == [3, 1999]
    assert len(np.unique(chosen)) == MOST_INPUTS


def test_layers_need_firmware_that_may_be_flashed() -> None:
    """A model that is cut off is another firmware: bad usage, before anything is done."""
    with pytest.raises(ConfigError, match=r"--layers needs .* --flash never"):
        verify(REFERENCE_MODEL, board=HOST, question=Question(layers=True), flash="never")


def test_the_table_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """One row for each layer, and what its figures are; a layer that was not asked says why."""
    rows = [
        LayerRow(0, "QUANTIZE", "q", not_asked="it cannot end there"),
        LayerRow(1, "CONV_2D", "conv", "", "int8", 1600, 256, 0, 0, None, 1500),
        LayerRow(2, "ADD", "sum", "", "int8", 1600, 256, 12, 3, LayerDifference((1,), 0, 5, 6), 1700),
    ]
    show_layers(judge_layers(rows, reference="litert", unit="instructions"))
    *lines, what = capsys.readouterr().out.splitlines()
    assert lines == [
        "layer                        values  differ  by at most    instructions  up to it",
        "layer 0 (QUANTIZE q)      not asked",
        "layer 1 (CONV_2D conv)  256 x 1,600   equal              1,500 (from 0)     1,500",
        "layer 2 (ADD sum)       256 x 1,600      12           3             200     1,700",
        "layer 0 (QUANTIZE q) was not asked: it cannot end there",
    ]
    assert what.startswith("instructions of a layer: ")


def test_estimated_cycles_are_in_the_table_where_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the layer, and of the model up to it."""
    row = LayerRow(
        0, "CONV_2D", "conv", "", "int8", 1600, 256, model_cost=1500, model_estimated_cycles=2100.6
    )
    show_layers(judge_layers([row], reference="litert", unit="instructions"))
    heading, figures, _ = capsys.readouterr().out.splitlines()
    assert heading.split()[-8:] == ["up", "to", "it", "estimated", "cycles", "up", "to", "it"]
    assert figures.split()[-4:] == ["1,500", "1,500", "2,101", "2,101"]
