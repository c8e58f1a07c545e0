"""The tables in docs/trust.md that campaigns write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"


@dataclass(frozen=True)
class Outcome:
    """The result of one campaign.

    Attributes:
        passed: whether no fault was found.
        table: Markdown, for a terminal and for the page.
    """

    passed: bool
    table: str


def write_section(name: str, table: str, *, page: Path = PAGE) -> None:
    """Replace what stands between the two markers of a campaign.

    Raises:
        ValueError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no section between {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}{table.strip()}\n{end}{after}", encoding="utf-8")
