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
from tinysine.image import BuildOptions
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
    "beside it, a table of all answers",
)


def row(board: Board, evidence: Evidence, as_table: Evidence) -> str:
    """One board's line of the table.

    Args:
        board: that was verified.
        evidence: of the generated engine.
        as_table: of a table of all answers, which stands beside it.
    Raises:
        AssertionError: the board did not pass; it has no figures then.
    """
    for each in (evidence, as_table):
        assert each.verdict == "pass", f"{board.name}: {each.verdict}"
    memory = evidence.memory
    assert memory is not None
    assert as_table.memory is not None
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
        _latency(evidence),
        ", ".join(filter(None, (f"{_bytes(as_table.memory.engine_bytes)} bytes", _latency(as_table)))),
    ]
    return f"| {' | '.join(cells)} |"


def _latency(evidence: Evidence) -> str:
    latency = evidence.latency
    return f"{latency.median:,g} {latency.unit}" if latency is not None and latency.median is not None else ""


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
            as_table = verify(REFERENCE_MODEL, board=board, options=BuildOptions(optimize="table"))
        except (ConfigError, BuildError, BenchError) as error:
            print(f"{board.name}: not measured: {error.message}")
            continue
        rows.append(row(board, evidence, as_table))
        print(rows[-1], flush=True)
    write_section("boards", table(rows), page=PAGE)


if __name__ == "__main__":
    main()
