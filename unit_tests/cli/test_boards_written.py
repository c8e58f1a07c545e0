"""boards --write: a bench file from what is attached, and nothing replaced unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.bench import census
from tinysine.bench.bench_file import BenchEntry
from tinysine.bench.bench_reader import read_bench
from tinysine.boards import AttachedBoard

Cli = Callable[..., Any]


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One board is attached, as far as its USB ids tell."""
    one = AttachedBoard("stm32f746g-disco", "/dev/ttyACM77", 0x0483, 0x374B, "066DFF", "STLink")
    monkeypatch.setattr(census, "attached_boards", lambda: (one,))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("attached")
def test_the_command_writes_and_never_replaces_unasked(cli: Cli) -> None:
    """Asked to, it keeps the boards of the file."""
    file = Path("tinysine-bench.toml")
    write = ("boards", "--ask", "none", "--write", str(file))
    done = cli(*write)
    assert done.code == 0
    assert f"wrote {file}: stm32f746g-disco" in done.out
    assert read_bench(file).entries == (
        BenchEntry("stm32f746g-disco", usb_serial="066DFF", id="stm32f746g-disco"),
    )
    file.write_text(file.read_text().replace('id = "stm32f746g-disco"', 'id = "mine"'))
    before = file.read_text()
    again = cli(*write, "--twins")
    assert (again.code, file.read_text()) == (2, before)
    assert "--overwrite" in again.err
    assert cli(*write, "--overwrite").code == 0
    assert [entry.id for entry in read_bench(file).entries] == ["mine"]
    assert cli(*write, "--overwrite", "--twins").code == 0
    assert {"mine", "host", "nano33ble-sense"} <= {entry.id for entry in read_bench(file).entries}


def test_what_cannot_be_meant_is_refused(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with what to do; nothing is written."""
    monkeypatch.setattr(census, "attached_boards", tuple)
    monkeypatch.chdir(tmp_path)
    for options, said in (
        (["--twins"], "name one: --write FILE"),
        (["--overwrite"], "name one: --write FILE"),
        (["--write", str(tmp_path)], "is a folder"),
        (["--write", "x.toml"], "nothing to write"),
    ):
        done = cli("boards", *options)
        assert done.code == 2, options
        assert said in done.err
    assert list(tmp_path.iterdir()) == []
