"""Verify every model file of a folder on boards whose stand-ins run here, and rewrite the table of docs/trust.md.

`python -m benchmarks._models_page FOLDER [--board NAME ...] [--inputs N] [--show]`

Each file is asked in both roundings. A file that a board has no room for is a line, too, with what it needs and what
there is. The exit code is 1 where a device gave a wrong answer, or a file could not be judged at all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import load_board
from tinysine.errors import ImageTooLarge, TinysineError
from tinysine.evidence import Evidence
from tinysine.image import BuildOptions
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.verify import Question, verify
from trust.page import write_section

BOARDS = ("nano33ble-sense", "stm32f746g-disco", "qemu:mps2-an386")
INPUTS = 200
HEAD = ("file", "board", "reference", "result", "flash", "static RAM", "one inference", "estimated cycles")


@dataclass(frozen=True)
class Row:
    """One file on one board in one rounding.

    Attributes:
        cells: as in HEAD.
        judged: whether there is a verdict, or the reason for which there can be none.
        right: false where an answer was wrong.
    """

    cells: tuple[str, ...]
    judged: bool = True
    right: bool = True


def main(arguments: list[str] | None = None) -> int:
    """Verify the files; returns 1 where one is wrong or could not be judged."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._models_page", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with .tflite files")
    parser.add_argument("--board", action="append", help=f"one or more; by default {', '.join(BOARDS)}")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="of each file (default: %(default)s)")
    parser.add_argument("--toolchain", default="gcc", help="default: %(default)s")
    parser.add_argument("--show", action="store_true", help="write nothing into docs/trust.md")
    options = parser.parse_args(arguments)
    files = sorted(options.folder.glob("*.tflite"), key=lambda file: file.stat().st_size)
    if not files:
        parser.error(f"{options.folder} has no .tflite file")
    lines = [f"| {' | '.join(HEAD)} |", f"|---|---|---|---|{'---:|' * 4}"]
    print("\n".join(lines), flush=True)
    rows = list(_rows(files, options.board or BOARDS, toolchain=options.toolchain, inputs=options.inputs))
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    if not options.show:
        write_section("models", "\n".join(lines))
    return 0 if all(row.judged and row.right for row in rows) else 1


def _rows(files: Sequence[Path], boards: Sequence[str], *, toolchain: str, inputs: int) -> Iterator[Row]:
    for file in files:
        for board in boards:
            for rounding in INTERPRETED:
                began = time.perf_counter()
                row = judge(file, board, rounding, toolchain=toolchain, inputs=inputs)
                print(f"| {' | '.join(row.cells)} |", flush=True)
                print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
                yield row


def judge(file: Path, board: str, rounding: Rounding, *, toolchain: str, inputs: int) -> Row:
    """Verify one file.

    Args:
        file: a model.
        board: its name.
        rounding: whose answers the device must give.
        toolchain: "gcc" or "zig".
        inputs: how many random ones, where not all are asked.
    """
    head = (f"`{file.name}`", f"`{board}`", str(rounding))
    options = BuildOptions(rounding=rounding, toolchain=toolchain)
    try:
        evidence = verify(file, board=load_board(board), options=options, question=Question(samples=inputs))
    except TinysineError as error:
        what = f"exit code {error.exit_code}: {error.message}".replace("|", "\\|")
        return Row((*head, what, "", "", "", ""), judged=isinstance(error, ImageTooLarge))
    return Row((*head, *_figures(evidence)), right=evidence.verdict == "pass")


def _figures(evidence: Evidence) -> Iterator[str]:
    outputs, memory, latency = evidence.outputs, evidence.memory, evidence.latency
    if outputs is None:
        yield evidence.verdict.upper()
    else:
        yield f"{evidence.verdict.upper()}, {outputs.checked:,} inputs, {outputs.mismatches:,} wrong"
    for size in (memory and memory.flash_bytes, memory and memory.static_ram_bytes):
        yield f"{size:,} B" if size else ""
    median = latency and latency.median
    yield f"{median:,.0f} {latency.unit}" if latency and median else ""
    cycles = latency and latency.estimated_cycles
    yield f"{cycles:,.0f}" if cycles else ""


if __name__ == "__main__":
    sys.exit(main())
