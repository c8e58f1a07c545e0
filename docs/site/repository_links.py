"""Links of the pages: written for the repository, and led to where their target is in the site."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

PAGES_AT_THE_TOP = {
    "index.md": "README.md",
    "index.zh.md": "README.zh.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
MADE_FOLDERS = ("api/", "python.md", "source/")  # their links are those of the site already

_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^ *(```+|~~~+)")
_LANGUAGES = {".py": "python", ".h": "c", ".c": "c", ".json": "json", ".toml": "toml", ".md": "markdown"}


@dataclass(frozen=True)
class Source:
    """A file or a folder of the repository that has a page because another page links to it.

    Attributes:
        path: in the repository, with slashes.
    """

    path: str

    @property
    def uri(self) -> str:
        """Its page."""
        return f"source/{self.path.rstrip('/')}.md"


def origin_of(uri: str) -> str:
    """Return the path in the repository of what a page is made of; "" for a page whose links are the site's own."""
    if uri.startswith(MADE_FOLDERS):
        return ""
    return PAGES_AT_THE_TOP.get(uri, f"docs/{uri}")


def relink(text: str, origin: str, uri: str, sources: dict[str, Source]) -> str:
    """Lead the links of a page to the site.

    Args:
        text: Markdown.
        origin: the page's path in the repository, which its links start from; "" leaves them as they are.
        uri: the page's path in the site.
        sources: what is linked to and has no page of its own is added, by its page.
    """
    if not origin:
        return text

    def led(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[2]))
        target = _page_of(path)
        if target is None:
            source = Source(path)
            target = source.uri
            sources[target] = source
        return f"{match[1]}{posixpath.relpath(target, posixpath.dirname(uri) or '.')}{match[3]}"

    lines, fence = [], ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and line.strip() == fence:
            fence = ""
        lines.append(line if fence else _LINK.sub(led, line))
    return "\n".join(lines)


def _page_of(path: str) -> str | None:
    for uri, name in PAGES_AT_THE_TOP.items():
        if path == name:
            return uri
    if path.startswith("docs/"):
        below = path.removeprefix("docs/")
        return below.removesuffix(".ipynb") + ".md" if below.endswith(".ipynb") else below
    return None


def source_page(root: Path, source: Source) -> str:
    """Return the page of a file, or of all files in a folder: what is in them, as it stands.

    Raises:
        FileNotFoundError: a page links to what is not there.
    """
    path = root / source.path
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    parts = [f"---\nsearch:\n  exclude: true\n---\n\n# {source.path}\n"]
    for file in files:
        text = file.read_text(encoding="utf-8")
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
        if len(files) > 1:
            parts.append(f"## {file.name}\n")
        parts.append(f"{fence}{_LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n{fence}\n")
    return "\n".join(parts)
