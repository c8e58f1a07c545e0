"""docs/engine.md lists the operators that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tinysine.graph.operators import READERS

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def test_the_page_lists_every_operator() -> None:
    """Neither more nor less, in the order of the alphabet."""
    section = PAGE.read_text(encoding="utf-8").split("## Operators\n")[1].split("\n## ")[0]
    listed = section.split(":\n")[1].split(".\n")[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(READERS)
