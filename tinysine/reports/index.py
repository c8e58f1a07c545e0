"""The index of a folder of nights: a page that leads to each night's report, the latest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tinysine.bench.night_report import SUMMARY, NightSummary
from tinysine.errors import CAUSES, ConfigError
from tinysine.outside_json import read_json_file
from tinysine.record import from_json
from tinysine.report_file import check_page_writable, write_page
from tinysine.reports.html import render
from tinysine.reports.night_page import night_word
from tinysine.reports.run_page import FOOTER
from tinysine.reports.view import Cell, Page, Section, Table, Tone, Verdict
from tinysine.result_files import INDEX_FILE, REPORT_FILE

_TONES: dict[str, Tone] = {"pass": "good", "fail": "bad", "error": "warn"}
_WORDS = {"pass": "pass", "fail": "fail", "error": "not judged"}


@dataclass(frozen=True)
class Night:
    """A night in the folder.

    Attributes:
        folder: its name below the folder of the index; "" for that folder itself.
        summary: what it found.
        has_report: whether there is a page of it.
    """

    folder: str
    summary: NightSummary
    has_report: bool

    @property
    def time_utc(self) -> str:
        """Of the night; "" where it had no board."""
        return self.summary.boards[0].time_utc if self.summary.boards else ""


def write_index(folder: Path) -> None:
    """Write the index of all nights of a folder.

    Args:
        folder: that has nights, or is one.
    Raises:
        ConfigError, BenchError: the index cannot be written, or another file has its name.
    """
    path = folder / INDEX_FILE
    check_page_writable(path)
    nights = sorted(_nights(folder), key=lambda night: (night.time_utc, night.folder), reverse=True)
    write_page(path, render(index_page(nights)))


def index_page(nights: list[Night]) -> Page:
    """Return the index.

    Args:
        nights: the latest first.
    """
    labels = sorted({board.label for night in nights for board in night.summary.boards})
    headings = (Cell("Night"), Cell("Verdict"), *map(Cell, labels))
    rows = tuple((*_night(night), *_boards(night, labels)) for night in nights)
    last = nights[0] if nights else None
    word, tone = _verdict(last) if last else ("NO NIGHT", "quiet")
    which = "The only night" if len(nights) == 1 else f"The last of {len(nights):,} nights"
    when = f"{which}: {_when(last)}" if last else "There is no night in this folder"
    return Page(
        title=f"{word}: nights",
        verdict=Verdict(word, tone, "", when),
        sections=(Section("Nights", (Table(headings, rows),)),) if nights else (),
        footer=FOOTER,
    )


def _nights(folder: Path) -> Iterator[Night]:
    for place in (
        folder,
        *(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()),
    ):
        file = place / SUMMARY
        try:
            summary = from_json(read_json_file(file), NightSummary, file=file)
        except (OSError, ValueError, ConfigError):
            continue  # no night, one of another version, or damaged: its folder is there for whoever looks
        yield Night("" if place == folder else place.name, summary, (place / REPORT_FILE).is_file())


def _night(night: Night) -> tuple[Cell, Cell]:
    where = f"{quote(night.folder)}/{REPORT_FILE}".lstrip("/") if night.has_report else ""
    word, tone = _verdict(night)
    return Cell(_when(night), href=where), Cell(word.lower(), tone)


def _when(night: Night) -> str:
    return night.time_utc[:16].replace("T", " ") or night.folder


def _verdict(night: Night) -> tuple[str, Tone]:
    flaky = any(board.flaky is not None for board in night.summary.boards)
    for cause in CAUSES:
        if cause.name == night.summary.cause:
            return night_word(cause, flaky=flaky)
    return "UNKNOWN", "warn"


def _boards(night: Night, labels: list[str]) -> Iterator[Cell]:
    found = {board.label: board for board in night.summary.boards}
    for label in labels:
        board = found.get(label)
        if board is None:
            yield Cell("")
            continue
        flaky = board.verdict == "pass" and board.flaky is not None
        yield Cell("pass, flaky", "warn") if flaky else Cell(_WORDS[board.verdict], _TONES[board.verdict])
