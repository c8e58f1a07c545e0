"""Files that are no model: each is named for what it is, with what to do."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import parse_network, read_network
from tinysine.model import read_tflite
from tinysine.regular_files import MOST_BYTES
from tinysine.tflite import is_tflite


def zipped(**members: bytes) -> bytes:
    """A zip file."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return into.getvalue()


def tarred() -> bytes:
    """A tar file with one member."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.tflite"))
    return into.getvalue()


def array_file() -> bytes:
    """Return the bytes that numpy.save writes."""
    into = io.BytesIO()
    np.save(into, np.zeros(3))
    return into.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2488\n"
KERAS = zipped(**{"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": b"\x89HDF"})

# file name, content, what it is said to be, what the hint has
FILES: tuple[tuple[str, bytes, str, str], ...] = (
    ("empty.tflite", b"", "is empty", "download"),
    ("pointer.tflite", LFS, "Git LFS pointer", "git lfs pull --include pointer.tflite"),
    ("page.tflite", b"\n<!DOCTYPE html>\n<html><head></head></html>", "HTML page", "Raw"),
    ("old.tflite", b'<?xml version="1.0"?><html xmlns="x"></html>', "HTML page", "Raw"),
    ("net.keras", KERAS, "a Keras model", "tinysine convert net.keras --representative"),
    ("my net.keras", KERAS, "a Keras model", "tinysine convert 'my net.keras' --representative"),
    ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5 file", "tinysine convert net.h5 --representative"),
    ("net.pt", zipped(**{"net/data.pkl": b"", "net/constants.pkl": b""}), "PyTorch file", "framework"),
    ("net.pth", pickle.dumps([1]), "Python pickle", "framework"),
    ("net.onnx", b"\x08\x08\x12\x07pytorch", "ONNX model", "framework"),
    ("net.pte", b"\x20\0\0\0ET12" + bytes(90), "ExecuTorch", "framework"),
    ("net.pb", b"\x0a\x05\x01\x02", "frozen TensorFlow graph", "framework"),
    ("x/saved_model.pb", b"\x08\x01\x12\x02", "SavedModel", "tinysine convert x --representative"),
    ("net.zip", zipped(**{"a.tflite": b"x"}), "zip file", "unzip"),
    ("saved.zip", zipped(**{"m/saved_model.pb": b"x"}), "zip file with a SavedModel", "unzip"),
    ("x.npz", zipped(**{"x.npy": b"x"}), "NumPy file", "--representative"),
    ("x.npy", array_file(), "NumPy array", "--representative"),
    ("net.tflite.gz", gzip.compress(b"x"), "compressed file", "unpack it first: net.tflite.gz"),
    ("net.tar", tarred(), "compressed file", "unpack"),
    ("prog", b"\x7fELF" + bytes(90), "program (ELF)", "built from"),
    ("evidence.json", json.dumps({"schema": "x"}).encode(), "JSON file", "tflite"),
    ("notes.txt", b"buy milk\n", "text file", "tflite"),
    ("latin.txt", "Gr\xfc\xdfe".encode("latin-1"), "text file", "tflite"),
    ("zeros.tflite", bytes(5000), "zero bytes", "download"),
    ("noise.tflite", bytes(range(256)), "unknown kind", "download"),
    ("other.bin", b"\x10\0\0\0ABCD" + bytes(9), "FlatBuffer of the kind ABCD", "framework"),
)


@pytest.mark.parametrize("row", FILES, ids=[name for name, *_ in FILES])
def test_a_file_of_another_kind_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: tuple[str, bytes, str, str]
) -> None:
    """The message says what the file is and where, the hint what to do; in one line."""
    name, content, what, hint = row
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(content)
    for read in (read_network, read_tflite):
        with pytest.raises(ModelError) as refusal:
            read(name)
        assert refusal.value.message.startswith(name)
        assert what in refusal.value.message
        assert hint in refusal.value.hint
        assert "\n" not in str(refusal.value)


def test_a_folder_is_named_for_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SavedModel goes to convert; of another folder, the models in it are named."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "saved/saved_model.pb",
        "out/training.json",
        "out/sine.keras",
        "some/b.tflite",
        "some/a.tflite",
        "no/x",
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"x")
    for folder, what, hint in (
        ("saved", "a TensorFlow SavedModel", "`tinysine convert saved --representative INPUTS.npy`"),
        ("out", "`tinysine train` wrote", "`tinysine convert out`"),
        ("some", "a folder", "name a file in it: some/a.tflite, some/b.tflite"),
        ("no", "a folder", "name a .tflite file"),
    ):
        with pytest.raises(ModelError) as refusal:
            read_network(folder)
        assert what in refusal.value.message
        assert hint in refusal.value.hint


@pytest.mark.parametrize("begins", [b"\x89HDF\r\n\x1a\n", b"\x1c\0\0\0TFL3", b""])
def test_a_huge_file_is_named_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bytes
) -> None:
    """Its size and what it is are said from its ends."""
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.write(begins)
        file.truncate(MOST_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _self: pytest.fail("it was read whole"))
    with pytest.raises(ModelError, match=f"has {MOST_BYTES + 1:,} bytes, more than the") as refusal:
        read_network(path)
    assert ("HDF5" in refusal.value.message) == begins.startswith(b"\x89HDF")


def test_a_cut_short_model_is_said_to_be_one(good: bytes) -> None:
    """A file that begins as a model is called a damaged model, nothing else."""
    with pytest.raises(
        ModelError, match=r"begins as a \.tflite file, but is damaged or cut short"
    ) as refusal:
        parse_network(good[: len(good) // 3], file="x")
    assert "download" in refusal.value.hint


def test_the_table_would_notice_a_model(good: bytes) -> None:
    """A good file is none of these."""
    assert is_tflite(good)
    assert parse_network(good, file="x").source == good


def test_no_content_at_all_breaks_the_table() -> None:
    """Beginnings of every signature, cut anywhere, and noise: an error in one line, never anything else."""
    rng = np.random.default_rng(4)
    contents = [content[:length] for _, content, *_ in FILES for length in range(min(len(content), 40))]
    contents += [rng.bytes(int(length)) for length in rng.integers(0, 600, 500)]
    for number, data in enumerate(contents):
        with pytest.raises(ModelError, match=r"^[^\n]+$"):
            parse_network(data, file="x" + ("", ".onnx", ".h", ".pb")[number % 4])
