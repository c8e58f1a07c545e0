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
    TrainingSettings,
    load,
    load_network,
    require_writable,
    save,
    train,
    write_files,
)


@pytest.fixture(scope="module")
def trained() -> Trained:
    """A network after two epochs."""
    return train(TrainingSettings(epochs=2, network="4-3", split=(0.5, 0.3, 0.2)))


def test_saved_training_comes_back_whole(trained: Trained, tmp_path: Path) -> None:
    """Settings, weights, history and data are the same after save and load."""
    save(tmp_path / "new" / "folder", trained)
    again = load(tmp_path / "new" / "folder")
    assert again.settings == trained.settings
    assert again.versions == trained.versions
    for mine, theirs in zip(again.layers, trained.layers, strict=True):
        np.testing.assert_array_equal(mine.kernel, theirs.kernel)
        np.testing.assert_array_equal(mine.bias, theirs.bias)
    np.testing.assert_array_equal(again.history.val_mae, trained.history.val_mae)
    np.testing.assert_array_equal(again.dataset.train.x, trained.dataset.train.x)


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


def test_failure_in_the_middle_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the second file cannot be written, the first is still the old one and no scraps are left."""
    (tmp_path / "a").write_bytes(b"old")
    real = Path.write_bytes

    def full_disk(self: Path, data: bytes) -> int:
        if self.name.startswith(".b"):
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(ConfigError, match="No space left"):
        write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_folder_in_the_way_of_a_file_is_refused_first(tmp_path: Path) -> None:
    """A folder with the name of an output stops the save before the first file is replaced."""
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigError, match="in the way"):
        write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"


def test_write_replaces_old_files(tmp_path: Path) -> None:
    """A second run replaces the files of the first."""
    write_files(tmp_path, {"a": b"old"})
    assert write_files(tmp_path, {"a": b"new"}) == (tmp_path / "a",)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_unwritable_folder_is_known_before_training(tmp_path: Path) -> None:
    """A folder below a file cannot be made; the error names it and leaves the file alone."""
    (tmp_path / "file").write_bytes(b"precious")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ConfigError, match="cannot write to") as caught:
            require_writable(folder)
        assert caught.value.facts["file"] == folder
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_require_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    """The probe file is gone afterwards."""
    assert list(require_writable(tmp_path / "new").iterdir()) == []


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


def test_missing_or_damaged_keras_file_is_refused(trained: Trained, tmp_path: Path) -> None:
    """No Keras file, a file that is none, and one of another network: three errors, each about the file."""
    with pytest.raises(ConfigError, match="there is no"):
        load_network(tmp_path / "absent.keras")
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ConfigError, match="cannot read"):
        load_network(tmp_path / "bad.keras")
    save(tmp_path, trained)
    told = json.loads((tmp_path / "training.json").read_text())
    told["settings"]["network"] = "model_2"
    (tmp_path / "training.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="another network"):
        load(tmp_path)
