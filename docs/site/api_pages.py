"""The pages of what can be imported: a page for each room, its public names from the docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from marks import prose

# Rooms whose functions are the program's own, or are on a page of another kind.
_NOT_SHOWN = ("commands", "pytest_plugin")

_HEAD = """# Python

What can be imported, room by room. Names that are not here may change at any time. Tests need no import: they have
[fixtures](fixtures.md).

| module | what it has |
|---|---|
"""


def rooms(package: Path) -> dict[str, str]:
    """Return the first sentence of each public module's docstring, by its name; only modules that say what they have.

    Args:
        package: its folder.
    """
    found = {}
    for path in sorted([*package.glob("*/__init__.py"), package / "device.py", package / "errors.py"]):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        tree = ast.parse(path.read_text(encoding="utf-8"))
        about = (ast.get_docstring(tree) or "").partition("\n\n")[0]
        public = path.name != "__init__.py" or "__all__" in path.read_text(encoding="utf-8")
        if public and name not in _NOT_SHOWN:
            found[name] = " ".join(about.split())
    return dict(sorted(found.items()))


def pages(package: Path) -> dict[str, str]:
    """Return the pages, by their place in the site."""
    told = rooms(package)
    rows = [f"| [`tinysine.{name}`](api/{name}.md) | {prose(about)} |" for name, about in told.items()]
    made = {"python.md": _HEAD + "\n".join(rows) + "\n"}
    return made | {f"api/{name}.md": f"# tinysine.{name}\n\n::: tinysine.{name}\n" for name in told}
