"""The tutorial runs from top to bottom, and is kept without outputs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"

PROMISED_FIGURES = 14


def test_tutorial_is_kept_without_outputs() -> None:
    """Outputs belong to whoever runs it: a change of the notebook is a change of its text."""
    import nbformat

    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, cell.id
            assert cell.execution_count is None, cell.id


def test_tutorial_uses_public_names_only() -> None:
    """Everything it imports from tinysine is a public name, so that a reader can do the same."""
    import importlib

    import nbformat

    imported = []
    for cell in nbformat.read(TUTORIAL, as_version=4).cells:
        if cell.cell_type == "code":
            source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
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
def test_tutorial_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, every figure is shown, and the device's 256 answers are the interpreter's."""
    import nbclient
    import nbformat

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(TUTORIAL, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=240,
        startup_timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= PROMISED_FIGURES
    text = "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")
    assert "0 of 256 answers differ" in text
    errors = "".join(output.get("text", "") for output in outputs if output.get("name") == "stderr")
    assert errors == "", "what libraries say belongs in the log"
    assert list(tmp_path.glob("tinysine-tutorial-*/device_on_the_sine.png"))
