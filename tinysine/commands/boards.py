"""boards: those known, those connected to this computer, and those emulated."""

from __future__ import annotations

import json as json_module
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tinysine.commands import options
from tinysine.errors import ConfigError
from tinysine.settings import (
    BENCH,
    TIMEOUT,
)

if TYPE_CHECKING:
    from tinysine.bench.bench_file import BenchFile
    from tinysine.bench.census import FoundBoard
    from tinysine.boards import Board

Ask = Annotated[
    Literal["boards", "all", "none"],
    typer.Option(
        help="Ports to ask for their firmware: those that look like boards, all, or none. "
        "Opening a port resets some boards.",
        rich_help_panel="Board",
    ),
]


def boards(
    *,
    ask: Ask = "boards",
    bench: options.BenchPath = BENCH.start,
    timeout: options.Timeout = TIMEOUT.start,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a bench file with the attached boards, and with those of the present bench file.",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = None,
    twins: Annotated[
        bool,
        typer.Option(
            "--twins",
            help="With --write: add a twin of every board that is not attached.",
            rich_help_panel="Output",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="With --write: replace FILE.", rich_help_panel="Output"),
    ] = False,
    json: options.AsJson = False,
) -> None:
    """List the boards: known, attached, and emulated.

    Shows of each attached board what runs on it, who uses it, and what to do next.

    \b
    Examples:
      tinysine boards
      tinysine boards --ask none --json
      tinysine boards --write tinysine-bench.toml
    """
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415
    from tinysine.bench.census import take_census  # noqa: PLC0415
    from tinysine.boards import list_boards  # noqa: PLC0415
    from tinysine.commands.screen import Progress, say, say_lines, table  # noqa: PLC0415
    from tinysine.emulation import running_emulators  # noqa: PLC0415

    _check_write(write, twins=twins, overwrite=overwrite)
    with Progress(lines=True) as progress:
        with progress.stage("read the board files"):
            known, running, layout = list_boards(), running_emulators(), find_bench(bench)
        with progress.stage("ask the attached boards"):
            found = take_census(layout, ask=ask, timeout_s=timeout)
    if write is not None:
        told = _write(write, found, layout, twins=known if twins else (), overwrite=overwrite)
        if not json:
            for line in told:
                say(line)
            return
    if json:
        from tinysine.bench.boards_document import boards_document  # noqa: PLC0415

        document = boards_document(known, found, running)
        say_lines(json_module.dumps(document, indent=2))
        return
    table(
        "Boards of the catalogue",
        ["board", "", "chip", "core", "MHz", "twin"],
        [(b.name, b.title, b.chip, b.core, _mhz(b), b.backend) for b in known],
        right=[4],
    )
    if found:
        _show(found)
    else:
        say("No board is attached by USB.")
        say(
            "  next: plug one in, with a cable that carries data; `tinysine doctor` checks permissions and drivers"
        )
        say(
            "  a serial adapter, or a port on another computer: tinysine verify MODEL --board NAME --port PORT"
        )
    if running:
        table(
            "Running emulated boards",
            ["port", "board", "process"],
            [(r.port, r.board, r.pid) for r in running],
        )
    else:
        say("No emulated board is running; `tinysine emulate` starts one.")


def _check_write(file: Path | None, *, twins: bool, overwrite: bool) -> None:
    """Refuse what cannot be meant before any port is opened.

    Raises:
        ConfigError: an option that needs --write; or the file exists.
    """
    from tinysine.bench.bench_writer import refuse_existing  # noqa: PLC0415

    if file is not None:
        refuse_existing(file, overwrite=overwrite)
    elif twins or overwrite:
        option = "--twins" if twins else "--overwrite"
        raise ConfigError(f"{option} is for a bench file", hint="name one: --write FILE", key=option)


def _write(
    file: Path, found: tuple[FoundBoard, ...], layout: BenchFile, *, twins: Sequence[Board], overwrite: bool
) -> tuple[str, ...]:
    """Write a bench file, and say what is in it and what it is for."""
    from tinysine.bench.bench_writer import bench_of, bench_text, write_bench  # noqa: PLC0415

    bench = bench_of(found, layout, twins=twins)
    if not bench.entries:
        raise ConfigError(
            "no board is attached that tinysine can tell, so there is nothing to write",
            hint="plug one in, or add twins with --twins; `tinysine boards` lists the ports",
            file=str(file),
        )
    written = write_bench(file, bench_text(bench, found), overwrite=overwrite)
    ids = ", ".join(entry.title for entry in written.entries)
    name = shlex.quote(str(file))
    return (
        f"wrote {file}: {ids}",
        f"  next: tinysine nightly --bench {name}, or pytest --tinysine-bench={name} -n auto",
    )


def _show(found: tuple[FoundBoard, ...]) -> None:
    from tinysine.commands.screen import say, table  # noqa: PLC0415

    rows = [
        (
            board.port or "-",
            board.board or "unknown",
            "" if board.vendor_id is None else f"{board.vendor_id:04x}:{board.product_id:04x}",
            board.serial_number,
            board.state,
        )
        for board in found
    ]
    table("Attached", ["port", "board", "usb id", "serial number", "state"], rows)
    for board in found:
        detail = f" ({board.detail})" if board.detail else ""
        say(f"{board.port or board.board}: {board.state}{detail}")
        say(f"  next: {board.next}")


def _mhz(board: Board) -> str:
    return f"{board.clock_hz / 1e6:g}" if board.clock_hz else ""
