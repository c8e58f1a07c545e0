"""Output for people: progress on standard error of a terminal, tables and verdicts on standard output.

Nothing moves and nothing is coloured when the output goes into a file or a pipe.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tinysine.outside_text import lines, one_line

if TYPE_CHECKING:
    from rich.console import Console

_GAP = 2  # between two columns of a table
_quiet = False  # whether this command line asked for the result only

STAGES = {
    "model": "read the model",
    "train": "train",
    "convert": "convert to int8",
    "plots": "draw the plots",
    "oracles": "ask the references",
    "build": "compile the firmware",
    "board": "power the board",
    "flash": "flash",
    "identify": "prove what runs",
    "outputs": "compare every answer",
    "latency": "time inferences",
    "memory": "measure memory",
    "health": "look for faults",
    "soak": "soak",
    "layers": "ask each layer",
}


def set_quiet(quiet: bool) -> None:
    """Leave out progress and remarks from now on, or show them again."""
    global _quiet  # noqa: PLW0603  # one command line at a time
    _quiet = quiet


def is_quiet() -> bool:
    """Tell whether progress and remarks are left out."""
    return _quiet


def console() -> Console:
    """A rich console on standard output."""
    from rich.console import Console  # noqa: PLC0415  # rich takes longer to import than most commands to run

    return Console(highlight=False, soft_wrap=False)


def interactive(*, error: bool = False) -> bool:
    """Tell whether the output goes to a terminal."""
    return (sys.stderr if error else sys.stdout).isatty()


_LINE_EVERY_S = 5.0  # of a long stage, in a log


class Progress:
    """Stages as they pass: a spinner on the one under way, a tick and the seconds on those done.

    Args:
        quiet: show nothing.
        lines: without a terminal, write a line on standard error as a stage begins, so that a log shows what takes so
            long. Of a stage that is still under way after a few seconds, a line is written every few seconds anyway.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        lines: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        quiet = quiet or _quiet
        self.shown = interactive(error=True) and not quiet
        self._notes = not quiet and not self.shown
        self._lines = lines and self._notes
        self._clock = clock
        self._rich: Any = None
        self._tasks: dict[str, Any] = {}
        self._line_due_s = 0.0
        self._under_way: set[str] = set()

    def __enter__(self) -> Progress:
        if self.shown:
            from rich import progress  # noqa: PLC0415

            self._rich = progress.Progress(
                progress.SpinnerColumn(finished_text="[green]✓[/green]"),
                progress.TextColumn("{task.description}"),
                _bar_column(),
                progress.TextColumn("{task.fields[seconds]}", style="dim"),
                progress.TextColumn("{task.fields[note]}", style="dim"),
                console=_progress_console(),
            )
            self._rich.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._rich is not None:
            self._rich.stop()
            self._rich.console.file.close()

    def begin(self, name: str, *, steps: int | None = None) -> None:
        """Show that a stage has begun, once until it ends; with steps, as a bar."""
        if name not in self._under_way:
            self._line_due_s = self._clock() + _LINE_EVERY_S
            if self._lines:
                self._line(f"{STAGES.get(name, name)} ...")
        self._under_way.add(name)
        if self._rich is not None and name not in self._tasks:
            self._tasks[name] = self._rich.add_task(
                STAGES.get(name, name), total=steps, seconds="", note="", bar=steps is not None
            )

    def step(self, name: str, done: int, note: str) -> None:
        """Move a stage's bar."""
        if self._rich is not None:
            self._rich.update(self._tasks[name], completed=done, note=note)

    def advance(self, name: str, steps: int, done: int, note: str) -> None:
        """Move the bar of a stage that began without one, or that begins with this."""
        self.begin(name)
        if note and self._notes and self._clock() >= self._line_due_s:
            self._line_due_s = self._clock() + _LINE_EVERY_S
            self._line(f"  {note}" if self._lines else f"{STAGES.get(name, name)}: {note}")
        if self._rich is not None:
            self._rich.update(self._tasks[name], total=steps, completed=done, note=note, bar=True)

    def end(self, name: str, seconds: float) -> None:
        """Show that a stage is done, and what it took."""
        self._under_way.discard(name)
        if self._rich is not None:
            self.begin(name)
            self._rich.update(
                self._tasks[name], total=1, completed=1, seconds=f"{seconds:6.2f} s", note="", bar=False
            )

    def _line(self, text: str) -> None:
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def stage(self, name: str, *, steps: int | None = None) -> Iterator[Callable[[int, str], None]]:
        """Show a stage around a piece of work; gives what moves its bar."""
        self.begin(name, steps=steps)
        began = time.perf_counter()
        yield lambda done, note: self.step(name, done, note)
        self.end(name, time.perf_counter() - began)


@contextlib.contextmanager
def ignore_closed_output() -> Iterator[None]:
    """Print something whose reader may stop before its end, as in `| head -1`: that does not change the exit code."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()


def silence_output() -> None:
    """Let standard output go nowhere: what Python writes to it when it ends would fail, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):  # a stream of a test has no descriptor
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _progress_console() -> Console:
    """A console on a descriptor of its own: it goes on moving while training has stderr turned to a log."""
    from rich.console import Console  # noqa: PLC0415

    terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, buffering=1)
    return Console(file=terminal, force_terminal=True, highlight=False)


def _bar_column() -> Any:
    from rich import progress  # noqa: PLC0415

    class Bar(progress.BarColumn):
        """A bar for the stages that have steps, nothing for the others."""

        def render(self, task: Any) -> Any:
            return super().render(task) if task.fields["bar"] else ""

    return Bar(bar_width=24)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()
) -> None:
    """Print a table: with rules for a person, columns of plain text into a pipe.

    Where a terminal is too narrow for whole words, the last column stands below the table, a line for each row.

    Args:
        title: above it, for a person only.
        columns: their headings.
        rows: cells, printed by str.
        right: indices of the columns that align right.
    """
    columns = [one_line(name) for name in columns]
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not interactive():
        widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
        for row in [list(columns), *cells]:
            parts = [
                cell.rjust(width) if i in right else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            print("  ".join(parts).rstrip())
        return
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    out = console()
    shown = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    fitting = column_widths([columns, *cells], room=_room(out.width, columns))
    below: list[str] = []
    if None in fitting:
        shorter = column_widths([row[:-1] for row in (columns, *cells)], room=_room(out.width, columns[:-1]))
        if None not in shorter:
            below = [f"{row[0]}: {row[-1]}" for row in cells if row[-1]]
            columns, cells, fitting = columns[:-1], [row[:-1] for row in cells], shorter
    for i, name in enumerate(columns):
        shown.add_column(name, justify="right" if i in right else "left", overflow="fold", width=fitting[i])
    for row in cells:
        shown.add_row(*(markup(_wrapped(cell, width)) for cell, width in zip(row, fitting, strict=True)))
    out.print(shown)
    for line in below:
        out.print(markup(line))


def _room(width: int, columns: Sequence[str]) -> int:
    return width - _GAP * (len(columns) - 1)


def column_widths(rows: Sequence[Sequence[str]], *, room: int) -> list[int | None]:
    """Widths at which no word is broken, as few cells as can be are wrapped, and all fits.

    Args:
        rows: all of one length, the headings among them.
        room: characters that a line has for cells.
    Returns:
        For each column; all None where words have to be broken, which is then left to who prints.
    """
    whole = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths = [
        max((len(word) for cell in column for word in _words(cell)), default=0)
        for column in zip(*rows, strict=True)
    ]
    rest = room - sum(widths)
    if rest < 0:
        return [None] * len(widths)
    # Whoever lacks least is served first: that leaves most columns whole.
    for i in sorted(range(len(widths)), key=lambda i: whole[i] - widths[i]):
        more = min(rest, whole[i] - widths[i])
        widths[i] += more
        rest -= more
    return list(widths)


def _words(cell: str) -> list[str]:
    """Return the parts that are not broken: words, with a short text in brackets, such as a figure's change."""
    return re.findall(r"\([^()]{1,10}\)\S*|\S+", cell)


def _wrapped(cell: str, width: int | None) -> str:
    if width is None or len(cell) <= width:
        return cell
    wrapped = [""]
    for word in _words(cell):
        longer = f"{wrapped[-1]} {word}".lstrip()
        if len(longer) <= width:
            wrapped[-1] = longer
        else:
            wrapped.append(word)
    return "\n".join(wrapped)


def say(text: str) -> None:
    """Print a line on standard output, whatever is in it; `say_lines` prints several."""
    print(one_line(text), flush=True)


def say_aside(text: str) -> None:
    """Print a line on standard error, where it is no part of a command's result."""
    print(one_line(text), file=sys.stderr, flush=True)


def say_lines(text: str) -> None:
    """Print text of several lines, such as a JSON document, on standard output."""
    print(lines(text), flush=True)


def markup(text: object) -> str:
    """Text for rich, which is shown as it stands: nothing in it is a style, or an order for the terminal."""
    from rich.markup import escape  # noqa: PLC0415

    return escape(lines(text))
