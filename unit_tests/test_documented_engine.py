"""docs/your-engine.md is followed to the letter."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tinysine.commands.app import app
from tinysine.image.engine_build import prepare_engine
from tinysine.image.engines import Engine, _Table, read_engine
from tinysine.model import REFERENCE_MODEL, read_model
from tinysine.quantization import Rounding

PAGE = (Path(__file__).parents[1] / "docs" / "your-engine.md").read_text(encoding="utf-8")


def write_files(folder: Path) -> list[str]:
    """Write each block that follows a line with a file's name."""
    found = re.findall(r"^`(my-engine/\S+)`[^\n]*:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for name, text in found:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return [name for name, _ in found]


def test_the_documented_engine_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are written as they stand on the page, and the first command is run."""
    files = write_files(tmp_path)
    assert files == ["my-engine/engine.toml", "my-engine/engine.c", "my-engine/answers.py"]
    shutil.copy(REFERENCE_MODEL, tmp_path / "sine.tflite")
    monkeypatch.chdir(tmp_path)
    command = re.findall(r"^\$ tinysine (.*)$", PAGE, re.MULTILINE)[0]
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    assert "256 of 256 outputs equal to litert" in done.output


def test_every_key_and_every_name_is_on_the_page(tmp_path: Path) -> None:
    """The tables say all that there is, and nothing else."""
    keys = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## engine.toml")[2], re.MULTILINE)
    assert set(keys) == set(_Table.__struct_fields__)
    write_files(tmp_path)
    engine = read_engine(tmp_path / "my-engine")
    header = prepare_engine(
        Engine(engine.name, engine.folder, sources=engine.sources, arena_bytes=8, layers=True),
        read_model(REFERENCE_MODEL),
        Rounding.LITERT,
        core="host",
    ).header
    told = set(re.findall(r"`((?:TS|ts)_(?:MODEL|model|ARENA)\w*)`", PAGE))
    defined = set(re.findall(r"\b((?:TS_MODEL|TS_ARENA|ts_model)\w*)\b", header))
    assert told == defined - {"ts_model_arena", "ts_model_layer_count"}  # the link asks for these
