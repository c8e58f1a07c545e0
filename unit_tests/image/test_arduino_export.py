"""The Arduino sketch: whole by itself, and never at the price of somebody's files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import posixpath
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.errors import EXIT_USAGE, BenchError, BuildError, ConfigError
from tinysine.graph import Network, parse_network
from tinysine.image import export_sketch
from tinysine.image.arduino import check_sketch_name, make_sketch
from tinysine.image.sketch_folder import MANIFEST
from tinysine.image.sources import firmware_root
from tinysine.quantization import Rounding
from trust.operators.dense_chain import random_network

INCLUDE = re.compile(r'#\s*include\s+"([^"]+)"')

# A core that declares Arduino's functions as its newer cores do.
NANO_CORE = Path(__file__).parent / "nano_core"


def files_of(
    model: Network, *, optimize: str = "speed", rounding: Rounding = Rounding.LITERT
) -> dict[str, str]:
    """A sketch named sine."""
    return make_sketch(model, name="sine", rounding=rounding, optimize=optimize, prune=False).files  # type: ignore[arg-type]


def tree(folder: Path) -> dict[str, bytes]:
    """Everything in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def float_model() -> Network:
    """A network that takes and gives float32."""
    rng = np.random.default_rng(5)
    data = random_network(rng, widths=(2, 6, 3), input_type="float32", output_type="float32", style="trained")
    return parse_network(data, file="float ends")


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_every_include_is_inside_the_sketch(sine_model: Network, optimize: str) -> None:
    """Arduino's build has no include path into a sketch: each name must lead from its file to another one."""
    files = files_of(sine_model, optimize=optimize)
    assert {posixpath.dirname(path).split("/")[0] for path in files} == {"", "src"}
    for path, text in files.items():
        for name in INCLUDE.findall(text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            assert target in files, f"{path} includes {name}"


def test_the_folder_is_one_that_arduino_opens(sine_model: Network, tmp_path: Path) -> None:
    """Its own file has the folder's name, sketch.yaml names both boards, and the page for people is filled in."""
    sketch = export_sketch(sine_model, tmp_path / "wave" / "my-sine.2")
    assert sketch.main == tmp_path / "wave" / "my-sine.2" / "my-sine.2.ino"
    assert all(path.is_file() for path in sketch.files)
    assert sorted(path.name for path in sketch.folder.glob("*.ino")) == ["my-sine.2.ino"]
    profiles = (sketch.folder / "sketch.yaml").read_text()
    assert "fqbn: arduino:avr:uno" in profiles
    assert "fqbn: arduino:mbed_nano:nano33ble" in profiles
    readme = (sketch.folder / "README.md").read_text()
    assert "$" not in readme
    assert "my-sine.2.ino" in readme
    assert sine_model.sha256 in readme
    assert not sketch.folder.stat().st_mode & 0o022
    assert sketch.folder.stat().st_mode & 0o055  # not only for who made it, as a temporary folder would be


def test_the_sketch_says_what_it_is(sine_model: Network, tmp_path: Path) -> None:
    """The build id in config.h is the one that people read, and changes with whatever goes in."""

    def build_id(files: dict[str, str]) -> str:
        found = re.search(r"TS_BUILD_ID \{(.*)\}", files["src/config.h"])
        assert found is not None
        return bytes(int(byte, 16) for byte in found[1].split(",")).hex()

    files = files_of(sine_model)
    assert files == files_of(sine_model)
    assert build_id(files) in files["README.md"]
    others = [
        files_of(sine_model, optimize="size"),
        files_of(sine_model, rounding=Rounding.TFLM),
        files_of(dataclasses.replace(sine_model, sha256="00" * 32)),
    ]
    assert len({build_id(f) for f in (files, *others)}) == 4
    manifest = json.loads(
        (export_sketch(sine_model, tmp_path / "sine").folder / "tinysine-sketch.json").read_text()
    )
    assert manifest["model_sha256"] == sine_model.sha256


def test_a_model_of_floats_is_exported(float_model: Network) -> None:
    """Its engine quantises by itself, for both kinds of core."""
    files = files_of(float_model)
    for engine in ("src/engine_plain.c", "src/engine_dsp.c"):
        assert "ts_quantize_f32" in files[engine]
        assert "ts_dequantize_f32" in files[engine]


@pytest.mark.needs("arm-none-eabi-g++")
@pytest.mark.parametrize("core", [pytest.param("cortex-m4", marks=pytest.mark.long), "cortex-m0plus"])
@pytest.mark.parametrize("which", ["sine", pytest.param("float", marks=pytest.mark.long)])
@pytest.mark.long
def test_it_compiles_for_other_boards(
    sine_model: Network, float_model: Network, tmp_path: Path, core: str, which: str
) -> None:
    """Every file, for cores with and without dual multiply-accumulate, as the C++ of Arduino's newer cores wants it."""
    sketch = export_sketch({"sine": sine_model, "float": float_model}[which], tmp_path / "sine")
    main = sketch.folder / "sine.ino.cpp"
    main.write_text("#include <Arduino.h>\n" + sketch.main.read_text())
    for source in sorted(sketch.folder.rglob("*.c*")):
        cpp = source.suffix == ".cpp"
        command = ["arm-none-eabi-g++", "-std=gnu++14"] if cpp else ["arm-none-eabi-gcc", "-std=gnu11"]
        command += [
            f"-mcpu={core}",
            "-mthumb",
            "-DARDUINO=10819",
            f"-I{NANO_CORE}",
            "-Wall",
            "-Wextra",
            "-Werror",
        ]
        command += ["-Os", "-c", str(source), "-o", str(tmp_path / f"{source.name}.o")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    symbols = subprocess.run(
        ["arm-none-eabi-nm", str(tmp_path / "engine_dsp.c.o"), str(tmp_path / "engine_plain.c.o")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    defined_in_dsp, defined_in_plain = (
        "T ts_engine_invoke" in part for part in symbols.split("engine_plain.c.o:")
    )
    has_dsp = core == "cortex-m4"
    assert (defined_in_dsp, defined_in_plain) == (has_dsp, not has_dsp)


def test_an_export_is_renewed_and_what_else_is_there_stays(sine_model: Network, tmp_path: Path) -> None:
    """A second export replaces the first one's files, removes those it has no use for, and leaves the rest alone."""
    folder = tmp_path / "sine"
    export_sketch(sine_model, folder)
    assert "src/engine_dsp.c" in tree(folder)
    (folder / "notes.txt").write_text("mine")
    export_sketch(sine_model, folder, optimize="size")
    expected = {**files_of(sine_model, optimize="size"), "notes.txt": "mine"}
    found = tree(folder)
    del found["tinysine-sketch.json"]
    assert found == {path: text.encode() for path, text in expected.items()}


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("sine/src/app/main.c", "was changed since it was exported"),
        ("sine/sine.ino", "was changed since it was exported"),
        ("sine/src/engine_plain.c", "was changed since it was exported"),
    ],
)
def test_an_edited_sketch_is_not_overwritten(
    sine_model: Network, tmp_path: Path, where: str, complaint: str
) -> None:
    """Work that somebody put into an exported file stops the next export before it writes anything."""
    export_sketch(sine_model, tmp_path / "sine")
    with (tmp_path / where).open("a") as file:
        file.write("// mine\n")
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match=complaint):
        export_sketch(sine_model, tmp_path / "sine", optimize="size")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "listed",
    ["../victim.txt", "src/../../victim.txt", "ABSOLUTE", "out/victim.txt", "src", "", ".", "\0", "\ud800"],
)
def test_a_manifest_that_reaches_out_of_the_folder_is_not_followed(
    sine_model: Network, tmp_path: Path, listed: str
) -> None:
    """A renewed sketch removes no listed file outside its folder: anybody may have written the manifest."""
    folder, victim = tmp_path / "sine", tmp_path / "victim.txt"
    export_sketch(sine_model, folder)
    victim.write_text("precious")
    (folder / "out").symlink_to(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    path = str(victim) if listed == "ABSOLUTE" else listed
    manifest["files"][path] = hashlib.sha256(victim.read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="was not written by this command") as caught:
        export_sketch(sine_model, folder)
    assert caught.value.exit_code == EXIT_USAGE
    assert victim.read_text() == "precious"


def test_a_manifest_without_a_bottom_is_none(sine_model: Network, tmp_path: Path) -> None:
    """JSON that no reader can follow is one clear line, too."""
    folder = tmp_path / "sine"
    folder.mkdir()
    (folder / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="was not written by this command"):
        export_sketch(sine_model, folder)


def test_a_file_in_the_way_is_not_overwritten(sine_model: Network, tmp_path: Path) -> None:
    """A path that a renewed export needs, and that somebody has taken meanwhile, stops it as well."""
    export_sketch(sine_model, tmp_path / "sine", optimize="size")
    (tmp_path / "sine" / "src" / "engine_dsp.c").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match=r"engine_dsp\.c"):
        export_sketch(sine_model, tmp_path / "sine")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        ("foreign", "is not empty"),
        ("file", "Not a directory"),
        ("file/sine", "Not a directory"),
        ("other-schema", "is not empty"),
        ("broken", "is not empty"),
        ("a b", "no sketch named"),
        ("sine.", "no sketch named"),
        ("-sine", "no sketch named"),
        ("x" * 64, "no sketch named"),
        ("größe", "no sketch named"),
    ],
)
def test_a_bad_folder_is_refused_and_nothing_is_written(
    sine_model: Network, tmp_path: Path, folder: str, complaint: str
) -> None:
    """One error that names the folder and says what to try; every byte there is as it was."""
    for path, text in {
        "foreign/thing.txt": "mine",
        "file": "mine",
        "other-schema/tinysine-sketch.json": '{"schema": "somebody else\'s", "files": {}}',
        "broken/tinysine-sketch.json": "[",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match=complaint) as caught:
        export_sketch(sine_model, tmp_path / folder)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.hint
    assert Path(folder).name in str(caught.value)
    assert tree(tmp_path) == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_written_is_refused(
    sine_model: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal of the file system half way through leaves no half a sketch."""
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "request" in path.name:
            raise OSError(28, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BenchError, match="No space left"):
        export_sketch(sine_model, tmp_path / "sine")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_will_do(sine_model: Network, tmp_path: Path) -> None:
    """One that was made for it beforehand, named by a path with detours."""
    (tmp_path / "sine").mkdir()
    sketch = export_sketch(sine_model, tmp_path / "sine" / ".." / "sine")
    assert sketch.main == tmp_path / "sine" / "sine.ino"


@given(st.text(min_size=1, max_size=70))
def test_a_refused_name_comes_with_one_that_is_taken(name: str) -> None:
    """Whatever a folder is called, either it will do or the name that is suggested does."""
    try:
        check_sketch_name(name)
    except ConfigError as error:
        check_sketch_name(error.facts["nearest"])
    else:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name)
        assert not name.endswith(".")


@pytest.mark.parametrize(
    "missing", ["ports/arduino/port.cpp", "include/tinysine/wire.h", "arduino/sketch.ino"]
)
def test_incomplete_sources_are_named(sine_model: Network, tmp_path: Path, missing: str) -> None:
    """A broken installation is told from a bad model."""
    shutil.copytree(firmware_root(), tmp_path / "firmware")
    (tmp_path / "firmware" / missing).unlink()
    with pytest.raises(BuildError, match="incomplete") as caught:
        make_sketch(
            sine_model,
            name="sine",
            rounding=Rounding.LITERT,
            optimize="speed",
            prune=False,
            root=tmp_path / "firmware",
        )
    assert "install tinysine again" in str(caught.value)
