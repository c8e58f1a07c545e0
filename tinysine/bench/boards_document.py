"""Document of `tinysine boards --json`: the catalogue, attached boards, and twins that are running."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from tinysine.bench.census import FoundBoard
from tinysine.boards import Board
from tinysine.emulation.records import EmulatorRecord
from tinysine.record import Count, Record, Words, fact, to_json


class CatalogueBoard(Record, omit_defaults=False):
    """A board that tinysine knows."""

    name: Annotated[Words, fact("in the catalogue")]
    title: Annotated[str, fact("in words")]
    chip: Annotated[str, fact("its chip")]
    core: Annotated[str, fact("its core")]
    clock_hz: Annotated[Count, fact("of the core", unit="Hz")]
    backend: Annotated[str, fact("kind of its twin on this computer")]
    flash_bytes: Annotated[Count | None, fact("that it has; null on a computer", unit="bytes")]
    ram_bytes: Annotated[Count | None, fact("that it has; null on a computer", unit="bytes")]
    usb_ids: Annotated[tuple[str, ...], fact("vendor and product, hexadecimal, that tell it")]
    flash_tools: Annotated[tuple[str, ...], fact("names of those that can flash it, the first choice first")]


class RunningTwin(Record, omit_defaults=False):
    """A twin that is running."""

    board: Annotated[str, fact("name of the board in the catalogue")]
    port: Annotated[str, fact("where it is")]
    control: Annotated[str, fact("its control socket")]
    pid: Annotated[Count, fact("its process")]


class Boards(Record, kw_only=True, tag_field="schema", tag="tinysine.boards/1", omit_defaults=False):
    """The boards of this computer."""

    catalogue: Annotated[tuple[CatalogueBoard, ...], fact("every board that tinysine knows")]
    attached: Annotated[tuple[FoundBoard, ...], fact("every one that is attached, or may be one")]
    running: Annotated[tuple[RunningTwin, ...], fact("every twin that is running")]


def boards_document(
    known: Iterable[Board], found: Iterable[FoundBoard], running: Iterable[EmulatorRecord]
) -> dict[str, Any]:
    """Turn them into plain JSON values, by the schema `boards`."""
    return to_json(
        Boards(
            catalogue=tuple(_facts(board) for board in known),
            attached=tuple(found),
            running=tuple(RunningTwin(r.board, r.port, str(r.control), r.pid) for r in running),
        )
    )


def _facts(board: Board) -> CatalogueBoard:
    return CatalogueBoard(
        name=board.name,
        title=board.title,
        chip=board.chip,
        core=board.core,
        clock_hz=board.clock_hz,
        backend=board.backend,
        flash_bytes=board.flash.length if board.flash else None,
        ram_bytes=board.ram.length if board.ram else None,
        usb_ids=tuple(f"{vendor:04x}:{product:04x}" for vendor, product in board.usb_ids),
        flash_tools=tuple(board.flash_tools),
    )
