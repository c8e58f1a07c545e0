"""Measure every board whose stand-in runs here, and rewrite the table of docs/boards.md.

`python -m benchmarks._boards_page`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tinysine.boards import Board, list_boards
from tinysine.errors import BenchError, BuildError, ConfigError
from tinysine.evidence import Evidence
from tinysine.model import REFERENCE_MODEL
from tinysine.verify import verify
from trust.page import write_section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "boards.md"
_NUMBERS = re.compile(r"\d+\.\d+\.\d+")
HEAD = (
    "board",
    "core",
    "compiler",
    "flash",
    "of which engine and model",
    "static RAM",
    "stack",
    "stack of one inference",
    "one inference",
)


def row(board: Board, evidence: Evidence) -> str:
    """One board's line of the table.

    Raises:
        AssertionError: the board did not pass; it has no figures then.
    """
    assert evidence.verdict == "pass", f"{board.name}: {evidence.verdict}"
    memory, latency = evidence.memory, evidence.latency
    assert memory is not None
    toolchain = evidence.provenance.toolchain
    compiler = "" if toolchain is None else f"{toolchain.name} {_NUMBERS.findall(toolchain.version)[0]}"
    cells = [
        f"`{board.name}`",
        board.core,
        compiler,
        *map(
            _bytes,
            (
                memory.flash_bytes,
                memory.engine_bytes,
                memory.static_ram_bytes,
                memory.stack_bytes,
                memory.engine_stack_bytes,
            ),
        ),
        f"{latency.median:,g} {latency.unit}" if latency is not None and latency.median is not None else "",
    ]
    return f"| {' | '.join(cells)} |"


def _bytes(size: int | None) -> str:
    return "" if size is None else f"{size:,}"


def table(rows: Iterable[str]) -> str:
    """Put the head above the rows."""
    head = [f"| {' | '.join(HEAD)} |", "|---|---|---|" + "---:|" * (len(HEAD) - 3)]
    return "\n".join([*head, *rows])


def main() -> None:
    """Measure and rewrite."""
    rows = []
    for board in list_boards():
        if board.core == "host" or not board.has_twin:
            continue  # nanoseconds of this computer say nothing about a board
        try:
            evidence = verify(REFERENCE_MODEL, board=board)
        except (ConfigError, BuildError, BenchError) as error:
            print(f"{board.name}: not measured: {error.message}")
            continue
        rows.append(row(board, evidence))
        print(rows[-1], flush=True)
    write_section("boards", table(rows), page=PAGE)


if __name__ == "__main__":
    main()
