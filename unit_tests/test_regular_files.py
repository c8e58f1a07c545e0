"""Files that are pipes or devices are refused, wherever a file can be named; nothing waits for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinysine.commands import app
from tinysine.elf_file import opened_elf
from tinysine.errors import ConfigError, TinysineError
from tinysine.graph import read_network
from tinysine.history import read_lines
from tinysine.image.sketch_folder import export_sketch
from tinysine.model import REFERENCE_MODEL
from tinysine.regular_files import open_regular, read_regular
from tinysine.training import read_representative

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders"),
    pytest.mark.timeout(60),  # who waits for a pipe waits for ever
]


def pipe(path: Path) -> Path:
    """Make a pipe that nobody writes to."""
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    return path


def convert_with(folder: Path) -> list[str]:
    """Name a pipe as the inputs of a network."""
    (folder / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    return ["convert", str(folder / "net.h5"), "--representative", str(pipe(folder / "inputs.npy"))]


def convert_inside(folder: Path) -> list[str]:
    """Name a folder as `tinysine train` writes it, in which the network is a pipe."""
    (folder / "training.json").write_text("{}")
    np.save(folder / "x.npy", np.zeros((3, 1), np.float32))
    pipe(folder / "sine.keras")
    return ["convert", str(folder), "--representative", str(folder / "x.npy")]


def described_by(folder: Path) -> list[str]:
    """Name an image whose description is a pipe."""
    (folder / "nano.elf").write_bytes(b"\x7fELF")
    pipe(folder / "nano.json")
    return ["emulate", str(folder / "nano.elf")]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "convert": lambda folder: ["convert", str(pipe(folder / "net.keras"))],
    "convert with inputs": convert_with,
    "convert a folder": convert_inside,
    "emulate an image": lambda folder: ["emulate", str(pipe(folder / "nano.elf"))],
    "emulate a description": described_by,
    "emulate a model": lambda folder: ["emulate", str(pipe(folder / "net.tflite"))],
    "flash": lambda folder: ["flash", str(pipe(folder / "nano.elf")), "--port", "/dev/no"],
    "build": lambda folder: ["build", str(pipe(folder / "net.tflite"))],
    "verify": lambda folder: ["verify", str(pipe(folder / "net.tflite"))],
    "verify with a bench": lambda folder: [
        "verify",
        str(REFERENCE_MODEL),
        "--bench",
        str(pipe(folder / "b.toml")),
    ],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_commands_do_not_wait_for_pipes(
    command: Callable[[Path], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """One line that says so, and the exit code of bad input."""
    if command is convert_inside:
        request.getfixturevalue("require")("tensorflow")
    assert app.run_app(command(tmp_path)) == 2
    *stages, error = capsys.readouterr().err.splitlines()
    assert "it is not a regular file" in error
    assert stages in ([], ["convert to int8 ..."])


def test_an_exported_sketch_with_a_pipe_in_it(tmp_path: Path) -> None:
    """A file of the sketch that became a pipe is reported, not replaced."""
    model = read_network(REFERENCE_MODEL)
    folder = export_sketch(model, tmp_path / "sine").folder
    (folder / "README.md").unlink()
    pipe(folder / "README.md")
    with pytest.raises(ConfigError, match=r"README\.md.*not a regular file"):
        export_sketch(model, folder)


@pytest.mark.parametrize("read", [read_lines, read_representative])
def test_readers_do_not_wait_for_pipes(read: Callable[[Path], object], tmp_path: Path) -> None:
    """A pipe, and a device without an end."""
    for file in (pipe(tmp_path / "pipe"), Path("/dev/zero")):
        with pytest.raises(TinysineError, match="not a regular file"):
            read(file)


def test_an_elf_file_is_regular(tmp_path: Path) -> None:
    """Whoever opens one."""
    with pytest.raises(TinysineError, match="not a regular file"), opened_elf(pipe(tmp_path / "nano.elf")):
        pass


def test_links_are_followed_unless_told(tmp_path: Path) -> None:
    """A link to a file is as good as the file, but where anybody may have put it."""
    (tmp_path / "file").write_bytes(b"content")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert read_regular(link) == b"content"
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(link, follow_links=False)
    link.unlink()
    shutil.copy(tmp_path / "file", link)
    assert read_regular(link, follow_links=False) == b"content"


def test_a_pipe_that_takes_a_files_place_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the name and the opening of the file it may be replaced."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    regular = file.stat()
    file.unlink()
    pipe(file)
    monkeypatch.setattr("tinysine.regular_files.os.stat", lambda *_, **__: regular)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(file)


def test_no_more_than_allowed_is_read(tmp_path: Path) -> None:
    """One byte more than the limit refuses the file."""
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", most_bytes=5) == b"12345"
    with pytest.raises(OSError, match="more than the 4 bytes"):
        read_regular(tmp_path / "file", most_bytes=4)
