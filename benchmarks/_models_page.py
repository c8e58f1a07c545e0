"""Verify every model file of a folder on boards whose stand-ins run here, and rewrite the table of docs/trust.md.

`python -m benchmarks._models_page FOLDER [--board NAME ...] [--inputs N] [--show]`

Each file is asked in both roundings. A file that a board has no room for is a line, too, with what it needs and what
there is. Each line is written as soon as it is known; those of other files and boards stay. The exit code is 1 where a
device gave a wrong answer, or a file could not be judged at all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import load_board
from tinysine.errors import ImageTooLarge, TinysineError
from tinysine.image import BuildOptions
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.verify import Question, verify
from trust.page import PAGE, write_section

BOARDS = ("nano33ble-sense", "stm32f746g-disco", "qemu:mps2-an386")
INPUTS = 200
Key = tuple[str, str, str]
HEAD = ("file", "board", "reference", "result", "flash", "static RAM", "one inference", "estimated cycles")


@dataclass(frozen=True)
class Row:
    """One file on one board in one rounding.

    Attributes:
        cells: as in HEAD.
        judged: whether there is a verdict, or the reason for which there can be none.
        right: false where an answer was wrong.
    """

    cells: tuple[str, str, str, str, str, str, str, str]
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
    right = True
    lines = known_lines(PAGE.read_text(encoding="utf-8"))
    for file in files:
        for board in options.board or BOARDS:
            for rounding in INTERPRETED:
                began = time.perf_counter()
                row = judge(file, board, rounding, toolchain=options.toolchain, inputs=options.inputs)
                line = f"| {' | '.join(row.cells)} |"
                print(f"{line} {time.perf_counter() - began:.0f} s", flush=True)
                right = right and row.judged and row.right
                lines[row.cells[:3]] = line
                if not options.show:
                    write_section("models", table(lines))
    return 0 if right else 1


def known_lines(page: str) -> dict[Key, str]:
    """Read the lines of the page's table.

    Args:
        page: its text.
    Returns:
        each by its file, board and reference.
    """
    section = page.partition("<!-- begin models -->\n")[2].partition("<!-- end models -->")[0]
    found = {}
    for line in section.splitlines()[2:]:
        _, file, board, reference, *_ = (cell.strip() for cell in line.split("|"))
        found[file, board, reference] = line
    return found


def table(lines: Mapping[Key, str]) -> str:
    """Make Markdown of lines, sorted by file, board and reference."""
    head = [f"| {' | '.join(HEAD)} |", f"|---|---|---|---|{'---:|' * 4}"]
    return "\n".join([*head, *(lines[key] for key in sorted(lines))])


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
    outputs, memory, latency = evidence.outputs, evidence.memory, evidence.latency
    what = evidence.verdict.upper()
    if outputs is not None:
        what += f", {outputs.checked:,} inputs, {outputs.mismatches:,} wrong"
    figures = (
        f"{memory.flash_bytes:,} B" if memory and memory.flash_bytes else "",
        f"{memory.static_ram_bytes:,} B" if memory and memory.static_ram_bytes else "",
        f"{latency.median:,.0f} {latency.unit}" if latency and latency.median else "",
        f"{latency.estimated_cycles:,.0f}" if latency and latency.estimated_cycles else "",
    )
    return Row((*head, what, *figures), right=evidence.verdict == "pass")


if __name__ == "__main__":
    sys.exit(main())
