"""Tables in the pages of docs/ that a run writes: those of the campaigns, and that of the boards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"


@dataclass(frozen=True)
class Outcome:
    """The result of one campaign.

    Attributes:
        tried: how many cases; none is no pass.
        passed: whether no fault was found.
        table: Markdown, for a terminal and for the page.
    """

    tried: int
    passed: bool
    table: str


def with_section(text: str, name: str, table: str) -> str:
    """Replace what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; returns the new text.

    Raises:
        ValueError: the text has no such markers.
    """
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"there is no section between {begin.strip()} and {end}")
    return f"{before}{begin}{table.strip()}\n{end}{after}"


def write_section(name: str, table: str, *, page: Path = PAGE) -> None:
    """Put a table into its section of a page.

    Raises:
        ValueError: the page has no such section.
    """
    page.write_text(with_section(page.read_text(encoding="utf-8"), name, table), encoding="utf-8")
