"""An engine of the user's that says other numbers of tensors than the model has: found before any board is asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tinysine.boards import load_board
from tinysine.image import BuildOptions, Image, read_engine
from tinysine.model import REFERENCE_MODEL, Model, read_model
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.testing import FakeRig
from tinysine.verdicts import LayerRow
from tinysine.verify import arena_search, refuse_miscount
from tinysine.verify.layers import _Asking, _Cut
from unit_tests.verify.miscounted import SAID, SOURCE, miscounted_image

HOST = load_board("host")
DENSE = Path(__file__).parents[1] / "cases" / "engines" / "dense"


@pytest.fixture(scope="module")
def model() -> Model:
    """The reference model, which has one input and one output."""
    return read_model(REFERENCE_MODEL)


@pytest.fixture
def image(host_cc: Any, tmp_path: Path, model: Model) -> Image:
    """Two inputs are in its file."""
    (tmp_path / "engine.c").write_text(SOURCE)
    host_cc("-c", tmp_path / "engine.c", "-o", tmp_path / "engine.o")
    return miscounted_image(tmp_path / "engine.o", model, HOST)


def test_no_arena_is_searched_for_it(model: Model, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the most, as one that starts with none; nothing is flashed, and `verify` says what is wrong."""
    rig = FakeRig(board=HOST)
    engine = dataclasses.replace(read_engine(DENSE), arena_bytes=None, arena_search=True)
    monkeypatch.setattr(arena_search, "build_image", lambda *_arguments: image)
    monkeypatch.setattr(arena_search, "open_rig", lambda *_arguments, **_options: rig)
    monkeypatch.setattr(arena_search, "_remembered", lambda _entry: None)
    settled = arena_search.with_least_arena(model, HOST, BuildOptions(), engine, timeout_s=1.0)
    assert settled.arena_bytes == 1024
    assert rig.did == ["close"]


def test_a_cut_model_is_not_flashed_with_it(model: Model, image: Image) -> None:
    """Its layer says why it was not asked."""
    rig = FakeRig(board=HOST)
    asking = _Asking(
        rig, "mine", Rounding.LITERT, sample_inputs(model, seed=0, count=8).codes, seed=0, timeout_s=1.0
    )
    row = asking.row_of(_Cut(LayerRow(0, "FULLY_CONNECTED", "hidden"), model, image), lambda _note: None)
    assert row.not_asked is not None
    assert row.not_asked.startswith(SAID)
    assert rig.did == []


def test_what_the_engine_sets_as_it_starts_is_the_board_s_to_tell(
    host_cc: Any, tmp_path: Path, model: Model
) -> None:
    """GCC puts a constant of C++ that a constructor completes among the variables: the file has zeros in it."""
    (tmp_path / "engine.c").write_text(SOURCE.removeprefix("const "))
    host_cc("-c", tmp_path / "engine.c", "-o", tmp_path / "engine.o")
    refuse_miscount(miscounted_image(tmp_path / "engine.o", model, HOST), model)
