"""The tutorial, in two languages: it runs from top to bottom, and its stored outputs are those of today."""

from __future__ import annotations

import ast
import base64
import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL, TRANSLATION = DOCS / "tutorial.ipynb", DOCS / "tutorial.zh.ipynb"

PROMISED_FIGURES = 14
MOST_BYTES = 600_000


def cells(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook, their source as text."""
    read = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in read]


def code_of(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook that have code."""
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def shape_of(output: dict[str, Any]) -> tuple[object, ...]:
    """Kind and words of an output, without what may differ between computers: numbers, and how wide they are."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = base64.b64decode(data["image/png"])
        return ("picture", *(int.from_bytes(picture[at : at + 4], "big") // 20 for at in (16, 20)))
    text = "".join(output.get("text", data.get("text/plain", "")))
    text = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{32}\b|[-+]?\d[\d.,]*", "#", text)
    return (
        output["output_type"],
        output.get("name"),
        *(" ".join(line.split()) for line in text.splitlines()),
    )


@pytest.fixture
def store_outputs() -> Iterator[ModuleType]:
    """The script that stores the outputs."""
    sys.path.insert(0, str(DOCS / "site"))
    try:
        yield importlib.import_module("store_outputs")
    finally:
        sys.path.remove(str(DOCS / "site"))
        sys.modules.pop("store_outputs", None)


def test_both_languages_have_the_same_code_and_outputs() -> None:
    """Cell by cell; only the text differs, and each text is translated."""
    for one, other in zip(cells(TUTORIAL), cells(TRANSLATION), strict=True):
        assert one["cell_type"] == other["cell_type"]
        if one["cell_type"] == "code":
            assert one == other
        else:
            assert one["source"] != other["source"]
            assert re.search(r"[\u4e00-\u9fff]", other["source"])
            assert one["source"].count("\n## ") == other["source"].count("\n## ")


def test_outputs_are_stored() -> None:
    """Every cell was run in order without an error; the pictures are there, and the file is small."""
    for path in (TUTORIAL, TRANSLATION):
        assert path.stat().st_size < MOST_BYTES
    run = code_of(TUTORIAL)
    assert [cell["execution_count"] for cell in run] == list(range(1, len(run) + 1))
    outputs = [output for cell in run for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PROMISED_FIGURES
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert "stderr" not in {output.get("name") for output in outputs}
    text = json.dumps(outputs)
    assert "0 of 256 answers differ" in text
    assert "\\u001b" not in text


def test_the_first_cell_installs_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clone before a wheel; a wheel beside the notebook; on Colab one that is uploaded; else it says what to do."""
    (install,) = (cell["source"] for cell in code_of(TUTORIAL)[:1])
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))

    def run(folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)
        exec(install, {"__name__": "cell"})
        return commands.pop()[-1] if commands else ""

    assert run(tmp_path) == ""  # it is installed here

    monkeypatch.setattr(importlib.metadata, "version", _not_installed)
    with pytest.raises(SystemExit, match="put a wheel of tinysine beside this notebook"):
        run(tmp_path / "nothing")
    files = SimpleNamespace(upload=lambda: {"tinysine-1.whl": b""})
    for name, module in (("google", {}), ("google.colab", {"files": files})):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__path__=[], **module))
    assert run(tmp_path / "nothing") == f"{tmp_path}/nothing/tinysine-1.whl[train,tflm]"
    (tmp_path / "wheel").mkdir()
    (tmp_path / "wheel" / "tinysine-0.1.0-py3-none-any.whl").touch()
    assert run(tmp_path / "wheel") == f"{tmp_path}/wheel/tinysine-0.1.0-py3-none-any.whl[train,tflm]"
    (tmp_path / "clone" / "tinysine").mkdir(parents=True)
    (tmp_path / "clone" / "tinysine" / "cli.py").touch()
    assert run(tmp_path / "clone" / "docs") == f"{tmp_path}/clone[train,tflm]"
    assert run(tmp_path / "clone") == f"{tmp_path}/clone[train,tflm]"


def _not_installed(name: str) -> str:
    raise importlib.metadata.PackageNotFoundError(name)


def test_tutorial_uses_public_names_only() -> None:
    """Everything it imports from tinysine is a public name, so that a reader can do the same."""
    imported = []
    for cell in code_of(TUTORIAL):
        source = "\n".join(line for line in cell["source"].splitlines() if not line.startswith("%"))
        imported += [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if node.module and node.module.split(".", 1)[0] == "tinysine"]
    assert {"tinysine.training", "tinysine.image", "tinysine.rigs"} <= {node.module for node in ours}
    for node in ours:
        assert node.module is not None
        module = importlib.import_module(node.module)
        public = getattr(module, "__all__", None)
        for alias in node.names:
            assert not alias.name.startswith("_")
            assert public is None or alias.name in public, f"{node.module}.{alias.name}"


@pytest.mark.notebook
@pytest.mark.timeout(1800)
@pytest.mark.needs("tflite_micro")
def test_tutorial_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_outputs: ModuleType
) -> None:
    """Every cell runs, the device's 256 answers are the interpreter's, and the outputs are like those stored."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run = store_outputs.executed(TUTORIAL, tmp_path)
    fresh = [cell.outputs for cell in run.cells if cell.cell_type == "code"]
    assert "0 of 256 answers differ" in json.dumps(fresh)
    for cell, outputs in zip(code_of(TUTORIAL), fresh, strict=True):
        expected = [shape_of(output) for output in cell["outputs"]]
        assert [
            shape_of(store_outputs.stored(output)) for output in store_outputs.visible(outputs)
        ] == expected, cell["source"]
    assert list(tmp_path.glob("tinysine-tutorial-*/device_on_the_sine.png"))
