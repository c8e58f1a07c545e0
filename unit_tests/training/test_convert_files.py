"""`tinysine convert` on networks of other people: what it makes of them, and how it refuses.

Everything that needs tensorflow, whose import takes seconds, is in this module and in one process.
"""

from __future__ import annotations

import builtins
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.graph import read_network

SAMPLES = 40

pytestmark = pytest.mark.needs("tensorflow")


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one network of each kind, and inputs for them."""
    from tinysine.training import tensorflow_quietly

    folder = tmp_path_factory.mktemp("nets")
    rng = np.random.default_rng(5)
    np.save(folder / "x4.npy", rng.normal(size=(SAMPLES, 4)))
    np.save(folder / "x5.npy", rng.normal(size=(SAMPLES, 5)))
    with tensorflow_quietly() as tf:
        keras = tf.keras
        layers = keras.layers

        class Doubled(layers.Layer):  # type: ignore[misc,name-defined]
            """A layer that no other process knows."""

            def call(self, x: Any) -> Any:
                """Twice x."""
                return x * 2

        def chain(*inner: Any, **ends: Any) -> Any:
            return keras.Sequential([keras.Input(**ends), *inner])

        def dense() -> list[Any]:
            return [layers.Dense(8, activation="relu"), layers.Dense(3)]

        chain(*dense(), shape=(4,)).save(folder / "net.keras")
        chain(*dense(), shape=(4,)).save(folder / "net.h5")
        chain(*dense(), shape=(4,)).save_weights(folder / "only.weights.h5")
        chain(*dense(), batch_shape=(8, 4)).save(folder / "batch8.keras")
        eight = tf.Module()
        eight.call = tf.function(lambda x: x * 2, input_signature=[tf.TensorSpec([8, 4], tf.float32)])
        tf.saved_model.save(eight, str(folder / "batch8"), signatures=eight.call)
        chain(Doubled(), layers.Dense(3), shape=(4,)).save(folder / "custom.keras")
        chain(Doubled(), layers.Dense(3), shape=(4,)).save(folder / "custom.h5")
        chain(layers.Dense(3), Doubled(), layers.Softmax(), shape=(4,)).export(
            folder / "custom", verbose=False
        )
        chain(layers.Lambda(lambda x: x * 2), shape=(4,)).save(folder / "lambda.keras")
        chain(layers.Embedding(10, 4), shape=(5,), dtype="int32").save(folder / "words.keras")
        chain(layers.Dense(3), shape=(None, 4)).save(folder / "open.keras")
        one, two = keras.Input((4,)), keras.Input((4,))
        keras.Model([one, two], layers.Concatenate()([one, two])).save(folder / "two.keras")
        broken = chain(*dense(), shape=(4,))
        broken.layers[0].kernel.assign(np.full((4, 8), np.nan))
        broken.save(folder / "nan.keras")
        broken.export(folder / "nan", verbose=False)
    (folder / "cut.keras").write_bytes((folder / "net.keras").read_bytes()[:3000])
    (folder / "cut").mkdir()
    (folder / "cut" / "saved_model.pb").write_bytes(b"\x08\x01")
    return folder


@pytest.fixture
def convert(
    nets: Path, convert_here: Callable[[str], tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, str, str]]:
    """Run `tinysine convert` in the folder of the networks."""
    monkeypatch.chdir(nets)
    return convert_here


@pytest.fixture
def convert_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[int, str, str]]:
    """Run `tinysine convert` in this process, its results going to a folder of the test's own."""
    from tinysine.commands.app import run_app

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(line: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run_app(["convert", *line.split(), "--out", str(tmp_path / "out")])
        out, err = capfd.readouterr()
        # In a log, what takes so long is said as it begins.
        return code, out, err.removeprefix("convert to int8 ...\n").removeprefix("read back ...\n")

    return run


@pytest.mark.parametrize(
    "network",
    ["net.h5", "custom", "batch8.keras"],
)
@pytest.mark.long
def test_a_network_is_converted_and_read_back(
    convert: Callable[[str], tuple[int, str, str]], tmp_path: Path, network: str
) -> None:
    """Keras files, one of a fixed batch, and a SavedModel with a custom layer and a softmax."""
    code, out, err = convert(f"{network} --representative x4.npy")
    assert (code, err) == (0, "")
    name = network.split(".", maxsplit=1)[0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [f"{name}_{form}.tflite" for form in ("float", "dynamic", "int8")]
        + [f"{name}_int8.cc", f"{name}_int8.h"]
    )
    assert re.search(r"int8 differs from float by at most 0\.\d+ on \d+ representative inputs", out)
    model = read_network(tmp_path / "out" / f"{name}_int8.tflite")
    assert (model.input.dtype, model.input.count, model.output.count) == (np.int8, 4, 3)
    assert "not for" not in out
    assert "next: tinysine verify " in out
    assert read_network(tmp_path / "out" / f"{name}_int8.cc").sha256 == model.sha256


REFUSED = (
    ("net.keras", "needs typical inputs", "--representative inputs.npy"),
    ("net.keras --representative x5.npy", "[40, 5], and net.keras takes [samples, 4]", "numpy.save"),
    ("net.keras --representative absent.npy", "no such file", "numpy.save"),
    ("net.keras --representative net.h5", "no NumPy file", "numpy.save"),
    ("two.keras --representative x4.npy", "has 2 inputs", "one input"),
    ("custom.keras --representative x4.npy", "the custom layer Doubled", "model.export"),
    ("custom.h5 --representative x4.npy", "the custom layer Doubled", "model.export"),
    ("lambda.keras --representative x4.npy", "a Lambda layer", "model.export"),
    ("words.keras --representative x5.npy", "takes int32", "Embedding"),
    ("open.keras --representative x4.npy", "no fixed shape: [?, ?, 4]", "keras.Input"),
    ("nan.keras --representative x4.npy", "weights that are NaN", "train it again"),
    ("nan --representative x4.npy", "NaN", "train it again"),
    ("batch8 --representative x4.npy", "fixed batch of 8", "Keras file"),
    ("only.weights.h5 --representative x4.npy", "cannot be read", "weights alone"),
    ("cut.keras --representative x4.npy", "cut.keras", "model"),
    ("cut --representative x4.npy", "cut", "model"),
    ("absent.keras", "there is no absent.keras", "tinysine train"),
    ("x4.npy", "a NumPy array", "Keras file"),
)


# TensorFlow takes ten seconds to import, and the networks take some to make.
@pytest.mark.long
@pytest.mark.parametrize(("line", "problem", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_converted_is_one_line(
    convert: Callable[[str], tuple[int, str, str]], tmp_path: Path, line: str, problem: str, hint: str
) -> None:
    """Exit code 2, one line that says why and what to do, nothing of tensorflow's, and no files."""
    code, out, err = convert(line)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\. try: [^\n]+\n", err)
    assert problem in err.split(". try: ")[0]
    assert hint in err.split(". try: ")[1]
    assert not any((tmp_path / "out").glob("*"))


def test_without_tensorflow_it_is_said_in_one_line(
    convert_here: Callable[[str], tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra that brings it is named."""
    np.save(tmp_path / "x4.npy", np.zeros((SAMPLES, 4)))
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as keras_file:  # names are all that is read
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            keras_file.writestr(name, "{}")
    monkeypatch.chdir(tmp_path)
    plain = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "tensorflow":
            raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
        return plain(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    code, out, err = convert_here("net.keras --representative x4.npy")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]*tensorflow, which is not installed[^\n]*pip install[^\n]*\n", err)
