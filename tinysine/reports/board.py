"""A board in facts: where it is, what it is, who it is, and how its link went."""

from __future__ import annotations

from collections.abc import Iterator

from tinysine.evidence import Document
from tinysine.link import LinkStats
from tinysine.reports.view import Cell, Fact

KINDS = {
    "emulated": "emulated core",
    "host": "firmware on this computer",
    "qemu": "board in QEMU",
    "hardware": "hardware",
    "unknown": "unknown: nothing proves what it is",
    "missing": "not there",
    "": "not reached",
}


def board_facts(document: Document, place: str = "") -> Iterator[Fact]:
    """Yield what is known of the board that was asked.

    Args:
        document: evidence of a run on it.
        place: its id in the bench file; "" where none was named.
    """
    board, told = document.board, document.provenance
    if board is None:
        return
    if place:
        yield Fact("Id", Cell(place))
    if board.port:
        yield Fact("Where", Cell(board.port, code=True))
    yield Fact("What", Cell(KINDS.get(board.kind, board.kind)), board.proof)
    yield Fact("Board", Cell(board.name))
    if board.chip and board.chip != "none":
        clock = f"{board.clock_hz / 1e6:,.4g} MHz" if board.clock_hz else ""
        yield Fact("Chip", Cell(board.chip), clock)
    device = told.device if told else None
    if device is not None and device.unique_id:
        yield Fact("Unique id", Cell(device.unique_id, code=True))
    if told is not None and told.link is not None:
        words = links_of(told.link)
        yield Fact("Link", Cell(words, "warn" if told.flaky else ""), f"{told.link.requests:,} requests")
    if told is not None and told.flashed is not None:
        yield Fact("Flashed", Cell("by this run" if told.flashed else "before this run"))
    if device is not None:
        yield Fact(
            "Says that it is", Cell(f"{device.board}, engine {device.engine}, protocol {device.protocol}")
        )


def links_of(link: LinkStats) -> str:
    """Say what went wrong on a link."""
    counts = (
        (link.retries, "request sent again", "requests sent again"),
        (link.corrupt, "corrupt frame", "corrupt frames"),
        (link.stale, "stale frame", "stale frames"),
        (link.noise_bytes, "byte of noise", "bytes of noise"),
    )
    said = [f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join(said) or "no faults"
