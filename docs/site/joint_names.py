"""Docstrings whose arguments or attributes share a line, `first, second: what they are`: each gets an entry."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

_SECTION = re.compile(r"^(?:Args|Attributes):\n(?:[ ]+.*\n?|\n)+", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+(?:, \w+)+): (.*\n?(?:     .*\n?)*)", re.MULTILINE)


def separate(docstring: str) -> str:
    """Return a docstring with an entry for each name."""
    return _SECTION.sub(lambda section: _ENTRY.sub(_entries, section[0]), docstring)


def _entries(match: re.Match[str]) -> str:
    text = match[2].rstrip("\n")
    entries = "\n".join(f"    {name}: {text}" for name in match[1].split(", "))
    return entries + "\n" * (len(match[2]) - len(text))


class JointNames(Extension):  # type: ignore[misc]
    """Rewrites the docstrings as they are read."""

    def on_instance(self, *, obj: Any, **_others: Any) -> None:
        """Rewrite the docstring of a class or a function."""
        if obj.docstring is not None:
            obj.docstring.value = separate(obj.docstring.value)
