"""Saving: all files or none, and back again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tinysine.errors import ConfigError
from tinysine.training import (
    Converted,
    Trained,
    load,
    load_network,
    save,
)


@pytest.mark.long
def test_saved_training_comes_back_whole(trained: Trained, tmp_path: Path) -> None:
    """Settings, weights, history and data are the same after save and load."""
    save(tmp_path / "new" / "folder", trained)
    again = load(tmp_path / "new" / "folder")
    assert again.settings == trained.settings
    assert again.versions == trained.versions
    for mine, theirs in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert again.history.keys() == trained.history.keys() == {"loss", "mae", "val_loss", "val_mae"}
    np.testing.assert_array_equal(again.history["val_mae"], trained.history["val_mae"])
    np.testing.assert_array_equal(again.dataset.train.x, trained.dataset.train.x)


@pytest.mark.long
def test_provenance_has_the_hash_of_every_model(trained: Trained, tmp_path: Path) -> None:
    """training.json names each .tflite file with the SHA-256 of what was written."""
    made = Converted(
        float_tflite=b"f", dynamic_tflite=b"d", int8_tflite=b"i", representative=np.zeros((1, 1), "f4")
    )
    paths = save(tmp_path, trained, made)
    told = json.loads(paths[0].read_text())
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    assert len(told["sha256"]) == 3
    for name, digest in told["sha256"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert told["settings"]["seed"] == trained.settings.seed
    assert set(told["versions"]) >= {"python", "numpy", "tensorflow"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"schema": "other"}',
        '{"schema": "tinysine-training-1", "settings": {"x": 1}}',
    ],
)
def test_damaged_training_json_is_refused(text: str, tmp_path: Path) -> None:
    """Whatever is wrong with training.json is one ConfigError that names it."""
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(ConfigError, match=r"training\.json"):
        load(tmp_path)


@pytest.mark.long
def test_missing_or_damaged_keras_file_is_refused(trained: Trained, tmp_path: Path) -> None:
    """No Keras file, a file that is none, and one of another network: three errors, each about the file."""
    with pytest.raises(ConfigError, match="there is no"):
        load_network(tmp_path / "absent.keras")
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ConfigError, match="cannot read"):
        load_network(tmp_path / "bad.keras")
    save(tmp_path, trained)
    told = json.loads((tmp_path / "training.json").read_text())
    told["settings"]["network"] = "4-3"
    (tmp_path / "training.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="another network"):
        load(tmp_path)
