"""Write the pages of the site into a folder, from where mkdocs builds it: `python docs/site build/pages`.

The pages of docs/ as they are, those that are made of the program, and the files of the repository that a page links
to. It is plain Markdown, which knows nothing of the program that builds a site of it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import api_pages
import cli_page
import errors_page
import notebook_page
import settings_page
from repository_links import PAGES_AT_THE_TOP, Source, origin_of, relink, source_page

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ("site.css", "iframe-worker.js")


def pages() -> dict[str, bytes]:
    """Return every file of the site, by its path with slashes."""
    docs = ROOT / "docs"
    written = {file.relative_to(docs).as_posix(): file for file in docs.rglob("*.md")}
    written |= {uri: ROOT / name for uri, name in PAGES_AT_THE_TOP.items()}
    texts = {uri: path.read_text(encoding="utf-8") for uri, path in written.items()}
    texts |= {"cli.md": cli_page.page(), "settings.md": settings_page.page()}
    texts["errors.md"] = errors_page.page(ROOT / "tinysine")
    texts |= api_pages.pages(ROOT / "tinysine")
    files = {name: (docs / "site" / name).read_bytes() for name in ASSETS}
    files |= {file.relative_to(docs).as_posix(): file.read_bytes() for file in docs.glob("images/*")}
    for notebook in docs.glob("*.ipynb"):
        texts[f"{notebook.stem}.md"], figures = notebook_page.page(notebook)
        files |= figures
    sources: dict[str, Source] = {}
    for uri, text in texts.items():
        files[uri] = relink(text, origin_of(uri), uri, sources).encode()
    for uri, source in sources.items():
        files[uri] = source_page(ROOT, source).encode()
    return files


def main() -> None:
    """Write them into a folder that holds nothing else."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    for uri, content in pages().items():
        path = folder / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
