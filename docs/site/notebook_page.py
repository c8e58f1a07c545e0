"""A notebook as a page: its text, its code, and the outputs that are stored in it."""

from __future__ import annotations

from pathlib import Path


def page(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by their place in the site."""
    from nbconvert import MarkdownExporter  # noqa: PLC0415  # tests of the other pages have none

    folder = f"{notebook.stem}-figures"
    exporter = MarkdownExporter()
    text, resources = exporter.from_filename(str(notebook), resources={"output_files_dir": folder})
    return text, dict(resources["outputs"])
