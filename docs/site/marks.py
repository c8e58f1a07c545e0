"""Text of the program, put into Markdown: its backquotes are kept, and nothing else in it means anything there."""

from __future__ import annotations

import re

from tinysine.outside_text import markdown


def prose(text: str) -> str:
    """Return a sentence of the program's own as Markdown for a line or a cell of a table."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(code(part[1:-1]) if part.startswith("`") else markdown(part) for part in parts)


def code(text: str) -> str:
    """Return text as code in a line or a cell of a table."""
    return f"`{text}`".replace("|", "\\|")
