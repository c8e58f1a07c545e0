"""export-arduino: what people are shown, and that it can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_sketch_is_written_and_people_are_told_what_to_open(
    cli: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is made, the .ino file named, and a second time with other options is no error."""
    monkeypatch.chdir(tmp_path)
    ended = cli("export-arduino", model, "out/sine")
    assert ended.code == 0
    assert str(tmp_path / "out" / "sine" / "sine.ino") in ended.out.replace("\n", "")
    assert (tmp_path / "out" / "sine" / "sine.ino").is_file()
    ended = cli("export-arduino", model, "out/sine", "--optimize", "size", "--rounding", "tflm")
    assert ended.code == 0
    assert "`tflm`" in (tmp_path / "out" / "sine" / "README.md").read_text()
