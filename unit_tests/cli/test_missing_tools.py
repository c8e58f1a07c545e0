"""A missing emulator or compiler is said before anything is built or trained."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import ConfigError
from tinysine.place import NEW_TWIN, AtPort
from tinysine.verify import require_tools


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with Python and nothing else; building or training there fails the test."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tinysine.verify.builds.build_firmware", lambda *_a, **_k: pytest.fail("it built"))
    monkeypatch.setattr("tinysine.training.train", lambda *_a, **_k: pytest.fail("it trained"))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name in ("unicorn", "ziglang") else found(name, *rest),
    )


LINES = (
    ("verify {model} --board qemu:microbit", 2, "qemu-system-arm is not installed"),
    ("run --board qemu:microbit --out {out}", 2, "qemu-system-arm is not installed"),
    ("verify {model} --board qemu:arduino-uno", 2, "qemu-system-avr is not installed"),
    ("verify {model}", 2, "the package `unicorn`, which is not installed"),
    ("verify {model} --board arduino", 2, "arduino has no emulated twin"),
    ("verify {model} --board host", 3, "no compiler for host"),
    ("run --board host --out {out}", 3, "no compiler for host"),
    ("verify {model} --board nano33ble-sense --port nowhere", 3, "no compiler for cortex-m4"),
    ("verify {model} --board nano33ble-usb --port nowhere", 3, "arduino-cli is not installed"),
)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("row", LINES, ids=[line for line, *_ in LINES])
def test_it_is_said_first(cli: Callable, model: Path, tmp_path: Path, row: tuple[str, int, str]) -> None:
    """One line that says what to install; nothing is left on the disk."""
    line, code, told = row
    out = tmp_path / "out"
    ended = cli(*line.format(model=model, out=out).split())
    assert ended.code == code
    assert told in ended.err
    assert re.fullmatch(r"error: [^\n]+\. try: [^\n]+\n", ended.err)
    assert not out.exists()


@pytest.mark.usefixtures("bare")
def test_only_what_is_used_is_asked_for() -> None:
    """No stand-in for a board that is there, and no compiler where nothing is built."""
    board = load_board("nano33ble-usb")
    require_tools(board, AtPort("somewhere"), flash="never")
    with pytest.raises(ConfigError):
        require_tools(board, NEW_TWIN, flash="never")


@pytest.mark.parametrize("line", ["run --out {out}", "train --out {out}", "zoo kws --out {out}"])
def test_without_tensorflow_nothing_begins(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    """With the base package alone, one line names the extra, before any progress."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "tensorflow" else found(name, *rest)
    )
    monkeypatch.setattr("tinysine.training.train", lambda *_a, **_k: pytest.fail("it trained"))
    ended = cli(*line.format(out=tmp_path / "out").split())
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(
        r"error: [^\n]*tensorflow, which is not installed[^\n]*tinysine\[train\][^\n]*\n", ended.err
    )
