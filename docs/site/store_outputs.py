"""Run the tutorial and store its outputs in both languages: `python docs/site/store_outputs.py`.

They are what a reader sees where a notebook is shown and not run. Pictures are stored in 64 colours, which makes them
small.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
TUTORIAL, TRANSLATION = DOCS / "tutorial.ipynb", DOCS / "tutorial.zh.ipynb"
COLOURS = 64
CELL_TIMEOUT_S = 900  # on a busy computer
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def executed(path: Path, folder: Path) -> Any:
    """Run a notebook in a folder, and return it with the outputs of every cell.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    import nbclient  # noqa: PLC0415  # an extra
    import nbformat  # noqa: PLC0415

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        startup_timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def visible(outputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the outputs of a cell that have a picture or text; Keras' summary as text comes with an empty display."""
    shown = (output.get("data", {"text/plain": "of a stream"}) for output in outputs)
    kept = [bool(data.get("image/png") or data.get("text/plain")) for data in shown]
    return list(compress(outputs, kept))


def stored(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output as it is stored: of what is shown the picture alone, made small, or the text alone."""
    kept = dict(output)
    if "data" in kept:
        data = dict(kept["data"])
        if picture := data.get("image/png"):
            data = {"image/png": _smaller(picture)}
        else:
            data = {"text/plain": _COLOUR.sub("", data["text/plain"])}  # the same for those who see no HTML
        kept["data"] = data
    return kept


def _smaller(picture: str) -> str:
    from PIL import Image  # noqa: PLC0415  # matplotlib brings it

    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    written = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(written, format="png", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def main() -> None:
    """Run it, and write both files."""
    import nbformat  # noqa: PLC0415  # an extra

    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(TUTORIAL, Path(folder))
    for path in (TUTORIAL, TRANSLATION):
        written = nbformat.read(path, as_version=4)
        for cell, run in zip(written.cells, notebook.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(stored(output)) for output in visible(run.outputs)]
                cell.execution_count = run.execution_count
                for output in cell.outputs:
                    if output.output_type == "execute_result":
                        output.execution_count = run.execution_count
        path.write_text(nbformat.writes(written).rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
