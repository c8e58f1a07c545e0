"""A notebook as a page: its text, its code, and the outputs that are stored in it."""

from __future__ import annotations

import re
from pathlib import Path


def page(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by their place in the site."""
    from nbconvert import MarkdownExporter  # noqa: PLC0415  # tests of the other pages have none

    folder = f"{notebook.stem}-figures"
    exporter = MarkdownExporter()
    text, resources = exporter.from_filename(str(notebook), resources={"output_files_dir": folder})
    return with_words(text), dict(resources["outputs"])


def with_words(text: str) -> str:
    """Name each picture by the heading that it stands under, which is in the page's language; `png` says nothing."""
    heading, nameless = "", "![png]("
    code = r"^```[\s\S]*?^```$"  # its comments look like headings

    def named(found: re.Match[str]) -> str:
        nonlocal heading
        heading = found["heading"] or heading
        return f"![{heading}](" if found[0] == nameless else found[0]

    return re.sub(rf"{code}|^#+ (?P<heading>.+)$|^{re.escape(nameless)}", named, text, flags=re.MULTILINE)
