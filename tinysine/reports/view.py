"""The values that a report shows, in its order: pure data, made of records, put into words before any template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from markupsafe import Markup

Tone = Literal["", "good", "bad", "warn", "quiet"]
"""Colour of a word; the word itself says the same."""


@dataclass(frozen=True)
class Verdict:
    """First lines of the page: the verdict and its reason.

    Attributes:
        word: "PASS", "FAIL" or another.
        tone: of the word.
        subject: what was tested, and where.
        sentence: how it went.
        reasons: why, each with a sentence of its own; none for a pass.
        facts: when and how, in a few words each.
    """

    word: str
    tone: Tone
    subject: str
    sentence: str
    reasons: tuple[Reason, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong, or deserves a look.

    Attributes:
        where: the stage or the board that it is about.
        text: the facts.
        hint: what that means, or what to try.
        more: further facts, a line each.
        tone: of `where`.
    """

    where: str
    text: str
    hint: str = ""
    tone: Tone = "bad"
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: as shown.
        tone: of the text.
        number: it is aligned as a number.
        code: it is shown in a typewriter's letters.
        href: place in the page, or file, that it leads to.
    """

    text: str
    tone: Tone = ""
    number: bool = False
    code: bool = False
    href: str = ""

    @property
    def kind(self) -> str:
        """Classes of the text."""
        return f"{self.tone} code" if self.code else self.tone

    @property
    def side(self) -> str:
        """Class of the cell around it."""
        return "number" if self.number else ""

    @property
    def hrefs(self) -> tuple[str, ...]:
        """Address that it links to, if any."""
        return (self.href,) if self.href else ()


Row = tuple[Cell, ...]
_MOST_COLUMNS = 4  # that fit on a phone


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        headings: of its columns.
        rows: a cell for each column.
        caption: what it shows.
        wide: its cells have long words.
    """

    template: ClassVar[str] = "table.html"
    headings: tuple[Cell, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    wide: bool = False

    @property
    def look(self) -> str:
        """Class of the table: a wide one has its columns below each other on a phone."""
        return "wide" if self.wide or len(self.headings) > _MOST_COLUMNS else ""

    @property
    def named_rows(self) -> tuple[tuple[tuple[str, Cell], ...], ...]:
        """Each cell with the heading of its column."""
        names = [heading.text for heading in self.headings]
        return tuple(tuple(zip(names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True)
class Fact:
    """A name and its value."""

    name: str
    value: Cell
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Facts.

    Attributes:
        facts: in order.
        look: "" for side by side where there is room, "rows" for one below the other.
    """

    template: ClassVar[str] = "facts.html"
    facts: tuple[Fact, ...]
    look: Literal["", "rows"] = ""


@dataclass(frozen=True)
class Key:
    """Meaning of a mark in a picture: the class of the mark, and words."""

    kind: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        title: what it shows.
        picture: SVG.
        keys: what its marks mean, shown above it.
        caption: what to see in it.
    """

    template: ClassVar[str] = "figure.html"
    title: str
    picture: Markup
    keys: tuple[Key, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar with its name and its value.

    Attributes:
        name: of the bar.
        value: in words.
        picture: SVG.
        note: what else there is to say.
    """

    name: str
    value: str
    picture: Markup
    note: str = ""


@dataclass(frozen=True)
class Bars:
    """Bars, one below the other.

    Attributes:
        bars: in order.
        caption: what they show.
        keys: what their colours mean.
    """

    template: ClassVar[str] = "bars.html"
    bars: tuple[Bar, ...]
    caption: str = ""
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Trend:
    """A figure from run to run.

    Attributes:
        name: of the figure.
        value: now, with its unit.
        change: against the last pass, in words; "" for none.
        tone: of the change.
        picture: SVG.
        span: of what the picture shows, in words.
    """

    name: str
    value: str
    change: str
    tone: Tone
    picture: Markup
    span: str


@dataclass(frozen=True)
class Trends:
    """Figures from run to run, side by side."""

    template: ClassVar[str] = "trends.html"
    trends: tuple[Trend, ...]


@dataclass(frozen=True)
class Card:
    """A board at a glance.

    Attributes:
        title: its label.
        word, tone: its verdict.
        facts: where it is, what it is, how its link went.
        note: why it did not pass.
        href: where there is more of it in this page; "" for nowhere.
    """

    title: str
    word: str
    tone: Tone
    facts: tuple[Fact, ...]
    note: str = ""
    href: str = ""

    @property
    def hrefs(self) -> tuple[str, ...]:
        """Address that it links to, if any."""
        return (self.href,) if self.href else ()


@dataclass(frozen=True)
class Cards:
    """Boards, side by side."""

    template: ClassVar[str] = "cards.html"
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Notes:
    """Reasons, one below the other."""

    template: ClassVar[str] = "notes.html"
    notes: tuple[Reason, ...]


Block = Table | Facts | Figure | Bars | Trends | Cards | Notes


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        blocks: what is in it.
        lead: a sentence below the heading.
        name: that a link leads to.
    """

    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    name: str = ""


@dataclass(frozen=True)
class Detail:
    """The sections of one board of a night, which are opened by a click.

    Attributes:
        name: that a link leads to.
        title: of the board.
        word, tone: its verdict.
        sections: what is known of it.
    """

    name: str
    title: str
    word: str
    tone: Tone
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: of the page.
        verdict: what stands first.
        sections: in order.
        details: of the boards of a night.
        footer: what made the page.
    """

    title: str
    verdict: Verdict
    sections: tuple[Section, ...]
    details: tuple[Detail, ...] = ()
    footer: str = ""
