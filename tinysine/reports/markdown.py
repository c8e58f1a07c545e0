"""A report as Markdown, for the summary of a CI job: the same values as the HTML has, without pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinysine.outside_text import markdown as shown_as_it_stands
from tinysine.reports.view import (
    Bars,
    Block,
    Cards,
    Cell,
    Fact,
    Facts,
    Figure,
    Notes,
    Page,
    Reason,
    Table,
    Trends,
)


def markdown(page: Page) -> str:
    """Return the report as Markdown; the details of the boards of a night are left out."""
    verdict = page.verdict
    lines = [f"## {_text(verdict.word)}: {_text(verdict.sentence)}", "", _text(verdict.subject), ""]
    lines += [*map(_note, verdict.reasons), "", " · ".join(_text(fact) for fact in verdict.facts if fact), ""]
    for section in page.sections:
        lines += [f"### {_text(section.title)}", "", _text(section.lead), ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(_without_gaps(lines)) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from (_text(block.caption), "")
        yield _row([_text(cell.text) for cell in block.headings])
        yield _row(["---:" if cell.number else "---" for cell in block.headings])
        yield from (_row([_text(cell.text) for cell in row]) for row in block.rows)
    elif isinstance(block, Facts):
        yield from map(_fact, block.facts)
    elif isinstance(block, Notes):
        yield from map(_note, block.notes)
    elif isinstance(block, Cards):
        for card in block.cards:
            said = f"**{_text(card.title)}** {_text(card.word)}"
            yield f"- {said}: {_text(card.note)}" if card.note else f"- {said}"
            yield f"  {'; '.join(_named(fact) for fact in card.facts)}"
    elif isinstance(block, Bars):
        yield from (
            f"- {_text(bar.name or block.caption)}: {_text(bar.value)} {_text(bar.note)}"
            for bar in block.bars
        )
    elif isinstance(block, Trends):
        for trend in block.trends:
            yield f"- {_text(trend.name)}: {_text(trend.value)} {_text(trend.change)} ({_text(trend.span)})"
    elif isinstance(block, Figure) and block.caption:
        yield f"- {_text(block.title)}: {_text(block.caption)}"


def _note(note: Reason) -> str:
    said = "; ".join(map(_text, (note.text, *note.more)))
    return f"- **{_text(note.where)}** {said}" + (f" ({_text(note.hint)})" if note.hint else "")


def _fact(fact: Fact) -> str:
    return f"- {_named(fact)}" + (f" ({_text(fact.note)})" if fact.note else "")


def _named(fact: Fact) -> str:
    return f"{_text(fact.name)}: {_value(fact.value)}"


def _value(cell: Cell) -> str:
    return _text(cell.text)


def _text(text: str) -> str:
    return shown_as_it_stands(text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _without_gaps(lines: Sequence[str]) -> Iterator[str]:
    """Leave out empty lines that follow empty lines, or are the last."""
    gap = False
    for line in lines:
        if not line.strip():
            gap = True
            continue
        if gap:
            yield ""
        gap = False
        yield line
