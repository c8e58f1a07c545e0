"""A night under way: told as it goes, and its results kept, whatever ends it."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from tinysine.commands.report_kept import write_night
from tinysine.errors import EXIT_PRODUCT_FAILURE, BenchError, TinysineError
from tinysine.result_files import INDEX_FILE, REPORT_FILE

if TYPE_CHECKING:
    from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan


def run_night(
    plan: Plan,
    orders: Orders,
    *,
    now: datetime,
    engine_name: str,
    history: Path,
    index: Path,
    after: Callable[[Sequence[BoardNight]], None],
) -> NoReturn:
    """Test every board of the plan, and keep the results, whatever ends the night."""
    from tinysine.bench.night import exit_code_of_night  # noqa: PLC0415
    from tinysine.bench.night_report import (  # noqa: PLC0415
        HEADINGS,
        night_runs,
        tested_in_words,
        write_facts,
        write_summary,
    )
    from tinysine.bench.nightly import NightRun  # noqa: PLC0415
    from tinysine.commands.screen import ignore_closed_output, say, say_aside  # noqa: PLC0415
    from tinysine.history import History, commit_of  # noqa: PLC0415

    def told(job: Job, part: Part) -> None:
        words = f": {part.reason}" if part.reason else ""
        with ignore_closed_output():
            say(f"{job.label}: {part.name} {part.verdict} in {part.seconds:.1f} s{words}")
        keep()

    def keep() -> None:
        # Boards that are tested at the same time end their parts at the same time.
        with keeping, contextlib.suppress(TinysineError):  # a full disk is said at the end
            so_far = night.boards()
            write_summary(folder, so_far, runs_of(so_far))

    keeping = threading.Lock()
    folder, night = orders.out, NightRun(plan, orders, on_part=told)
    runs_of = partial(
        night_runs,
        time_utc=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        night=str(folder),
        engine=engine_name,
        reference=orders.reference,
        out=folder,
        commit=commit_of(orders.model),
    )
    # After a crash or a power cut this is what stays: what is not done is cut off, in a folder that is known for a
    # night's.
    write_summary(folder, night.boards(), runs_of(night.boards()))
    # While the first board is tested: the morning's reader waits for the night, not for this.
    threading.Thread(target=importlib.import_module, args=("tinysine.reports",), name="imports").start()
    cut_off: BaseException | None = None
    try:
        night.run()
    except BaseException as error:  # what it has found is written first
        cut_off = error
    nights = night.boards()
    runs = runs_of(nights)
    shown: list[tuple[str, ...]] = []

    numbers: list[int] = []

    def add() -> None:
        with History(history) as kept:
            numbers.extend(kept.add(runs))

    def page() -> None:
        before = min(numbers, default=None)
        write_night(folder, nights, runs, history=history, before=before, gates=orders.gates, shown=shown)

    def every_night() -> None:
        from tinysine.reports import write_index  # noqa: PLC0415

        write_index(index)

    # What depends on earlier nights comes last.
    writes: list[Callable[[], None]] = [partial(write_facts, folder, nights, runs), add, page, every_night]
    if cut_off is None:
        writes.append(partial(after, nights))
    refusals = {write: refusal for write in writes if (refusal := _try(write)) is not None}
    if cut_off is None:
        with ignore_closed_output():
            show_night(HEADINGS, shown, tested=tested_in_words(runs))
            for agreement in night.agreements:
                say(str(agreement))
    files = {
        "that of all nights": index / INDEX_FILE if every_night not in refusals else None,
        "the history": history if add not in refusals else None,
    }
    with ignore_closed_output():
        (say if cut_off is None else say_aside)(_written_in_words(folder, files))
    _leave(exit_code_of_night(nights), cut_off, list(refusals.values()))


def _written_in_words(folder: Path, files: Mapping[str, Path | None]) -> str:
    """Say what was written, and where; the folder is new, and so is what is in it.

    Args:
        folder: of the night.
        files: others, by what they are called; None for one that could not be written.
    """
    report = folder / REPORT_FILE
    written = {"the report": report if report.is_file() else None, **files}
    return "; ".join(
        [f"wrote {folder}", *(f"{name} is {file}" for name, file in written.items() if file is not None)]
    )


def show_night(headings: Sequence[str], rows: Sequence[Sequence[str]], *, tested: str = "") -> None:
    """The table, narrow enough for most terminals, and what its signs mean."""
    from tinysine.commands.screen import say, table  # noqa: PLC0415

    cells = [[cell.replace("instructions", "instr.") for cell in row] for row in rows]
    table("The night", headings, cells)
    if tested:
        say(tested)
    text = " ".join(cell for row in cells for cell in row)
    signs = {"(=)": "unchanged since the last night that passed", "instr.": "instructions"}
    if used := [f"{sign} {meaning}" for sign, meaning in signs.items() if sign in text]:
        say("; ".join(used))


def _try(write: Callable[[], None]) -> TinysineError | None:
    try:
        write()
    except TinysineError as error:
        return error
    except Exception as error:  # the night's exit code and its other files are not lost for it
        from tinysine.commands.errors_shown import keep_trace  # noqa: PLC0415

        log = keep_trace(error)
        told = BenchError(
            f"unexpected {type(error).__name__}: {error}",
            hint="" if log is None else f"the details are in {log}",
        )
        told.__cause__ = error
        return told
    return None


def _leave(code: int, cut_off: BaseException | None, unwritten: Sequence[TinysineError]) -> NoReturn:
    """End with what counts most, a product that failed before all; what else went wrong is said then."""
    from tinysine.commands.errors_shown import say_error  # noqa: PLC0415

    if code == EXIT_PRODUCT_FAILURE:
        for error in unwritten:
            say_error(error)
        if cut_off is not None:
            say_error(BenchError("the night was cut off, after a product had failed"))
    elif cut_off is not None:
        raise cut_off
    elif unwritten:
        raise unwritten[0]
    raise typer.Exit(code)
