"""`--reference tflm-float32`: TensorFlow Lite Micro as on a device, demanded of any engine, judged by our integers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tinysine.boards import load_board
from tinysine.codegen import generate
from tinysine.errors import ModelError
from tinysine.evidence import Evidence
from tinysine.graph import DenseChain, Network, parse_network
from tinysine.graph.requantization import layer_with_rounding
from tinysine.image import BuildOptions, read_engine
from tinysine.image.sources import firmware_root
from tinysine.model import read_model
from tinysine.oracles import TFLM_FLOAT32, available_oracles, integer_oracle
from tinysine.quantization import Quantization, Rounding
from tinysine.stimuli import all_inputs, sample_inputs
from tinysine.tflite.writer import LayerSpec, write_model
from tinysine.verdicts.wording import comparison_in_words
from tinysine.verify import verify
from trust.operators.dense_chain import random_network

SEED = 54  # of a layer of which one answer differs
CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One input, 64 outputs, one scale of the weights."""
    rng = np.random.default_rng(SEED)
    spec = LayerSpec(
        weights=rng.integers(-127, 128, (64, 1), np.int8),
        bias=rng.integers(-9000, 9000, 64, np.int32),
        weight_scales=rng.uniform(0.005, 0.02, 1).astype(np.float32),
        output=Quantization(float(np.float32(rng.uniform(0.5, 1.5))), 3),
    )
    scale = float(np.float32(rng.uniform(0.5, 1.5)))
    file = tmp_path_factory.mktemp("layer") / "layer.tflite"
    file.write_bytes(write_model([spec], input=Quantization(scale, -5)))
    return file


def network(file: Path) -> Network:
    """Read it."""
    return parse_network(file.read_bytes(), file=file.name)


def engine_of_a_device(folder: Path, file: Path) -> Path:
    """An engine of a user's, in C: it answers as TensorFlow Lite Micro on a device, whatever it is built for."""
    folder.mkdir()
    source = generate(network(file), rounding=Rounding.TFLM_FLOAT32, core="host").source
    said = f".reference = TS_REFERENCE_{Rounding.TFLM_FLOAT32.name}"
    assert source.count(said) == 1
    (folder / "engine.c").write_text(
        '#include "tinysine/model.h"\n' + source.replace(said, ".reference = TS_MODEL_REFERENCE")
    )
    (folder / "engine.toml").write_text(
        f'name = "device"\nsources = ["engine.c"]\ninclude = ["{firmware_root()}"]\n'
        'references = ["tflm", "tflm-float32"]\n'
    )
    return folder


def judged(file: Path, board: str, rounding: Rounding, engine: Path | None = None) -> Evidence:
    """The evidence of all 256 codes."""
    options = BuildOptions(rounding=rounding, engine=None if engine is None else read_engine(engine))
    return verify(file, board=load_board(board), options=options)


def test_the_two_differ_on_this_layer(layer: Path) -> None:
    """Else nothing below shows anything."""
    model = network(layer)
    codes = all_inputs(model).codes
    answers = [
        integer_oracle(model, rounding).run(codes) for rounding in (Rounding.TFLM, Rounding.TFLM_FLOAT32)
    ]
    assert (answers[0] != answers[1]).any()


@pytest.mark.parametrize("board", ["host", pytest.param("nano33ble-sense", marks=pytest.mark.long)])
def test_the_generated_engine_answers_as_is_asked(layer: Path, board: str) -> None:
    """It passes, its device having said which reference it follows, and the line says that our own integers judge."""
    evidence = judged(layer, board, Rounding.TFLM_FLOAT32)
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.reference == TFLM_FLOAT32
    assert f"equal to {TFLM_FLOAT32} (tinysine's own integers" in comparison_in_words(evidence.outputs)
    assert evidence.provenance.rounding == TFLM_FLOAT32
    differ = {name: row.mismatches for name, row in evidence.outputs.against.items()}
    assert differ[TFLM_FLOAT32] == 0
    assert differ["integer-double"] > 0


@pytest.mark.long
def test_an_engine_of_a_users_passes_only_where_it_is_asked_for(layer: Path, tmp_path: Path) -> None:
    """By `tflm` it fails, and the finding names the reference that it does follow."""
    engine = engine_of_a_device(tmp_path / "device", layer)
    evidence = judged(layer, "host", Rounding.TFLM, engine)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    said = str(evidence.findings[0])
    assert f"every answer equals {TFLM_FLOAT32}" in said
    assert f"--reference {TFLM_FLOAT32}" in said
    assert judged(layer, "host", Rounding.TFLM_FLOAT32, engine).verdict == "pass"


def test_a_model_that_our_integers_do_not_take_cannot_be_judged_by_it() -> None:
    """Nobody else computes it here: the error says whose integers refuse the model, and what to ask for instead."""
    model = read_model(CASES / "dense_float32.tflite")
    with pytest.raises(ModelError, match="only tinysine's own integers answer as tflm-float32") as refusal:
        available_oracles(model, needed=Rounding.TFLM_FLOAT32)
    assert refusal.value.hint == "--reference tflm"


def test_it_is_there_for_whoever_asks_also_where_nothing_differs() -> None:
    """Scales of each channel are multiplied in float64: then it answers as integer-double does."""
    model = parse_network(
        random_network(np.random.default_rng(1), per_channel=True), file="a scale for each output"
    )
    oracles = {oracle.name: oracle for oracle in available_oracles(model, needed=Rounding.TFLM_FLOAT32)}
    codes = sample_inputs(model, seed=0, count=64).codes
    np.testing.assert_array_equal(oracles[TFLM_FLOAT32].run(codes), oracles["integer-double"].run(codes))


def test_a_product_beyond_float32_is_refused(layer: Path) -> None:
    """With the layer's name; in float64 it is a number like any other."""
    model = network(layer)
    assert isinstance(model, DenseChain)
    (dense,) = model.layers
    q = Quantization(1e30, 0)
    large = dataclasses.replace(
        dense, input=q, output=q, weight_scales=np.full(64, 1e10), bias=np.zeros(64, np.int32)
    )
    assert layer_with_rounding(large, Rounding.TFLM)
    with pytest.raises(ModelError, match="is beyond float32") as refusal:
        layer_with_rounding(large, Rounding.TFLM_FLOAT32)
    assert refusal.value.tensor == dense.name
