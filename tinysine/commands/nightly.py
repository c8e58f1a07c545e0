"""nightly: every board, with nobody watching."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tinysine.bench.night import PART_TIMEOUT_S
from tinysine.commands import options
from tinysine.commands.completion import complete_engine
from tinysine.commands.gating import gates_to_judge
from tinysine.commands.history import DEFAULT_HISTORY, FORMER_HISTORY
from tinysine.commands.report_kept import check_report, write_night
from tinysine.errors import EXIT_PRODUCT_FAILURE, BenchError, ConfigError, TinysineError
from tinysine.outside_json import read_json_file
from tinysine.result_files import INDEX_FILE, REPORT_FILE, is_report
from tinysine.settings import (
    BENCH,
    DATA,
    ENGINE,
    HISTORY,
    MODEL,
    OPTIMIZE,
    REFERENCE,
    SOAK,
    TIMEOUT,
)
from tinysine.settings import Optimize as OptimizeName
from tinysine.settings import Reference as ReferenceName
from tinysine.whole_files import unwritable

if TYPE_CHECKING:
    from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan

_NIGHT = "Night"


def nightly(
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Everything goes here; beside earlier nights, into a folder of its own.",
            rich_help_panel="Output",
        ),
    ] = Path("nightly"),
    dated: Annotated[
        bool,
        typer.Option(
            "--dated", help="In a folder of its own there, named for the time.", rich_help_panel="Output"
        ),
    ] = False,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar=HISTORY.variable,
            help="Figures of earlier nights, to which this one's are added.  [default: history.sqlite beside DIR]",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        options.declared(MODEL, panel=_NIGHT, show_default=False),
    ] = None,
    engine: Annotated[
        str, options.declared(ENGINE, panel=_NIGHT, autocompletion=complete_engine)
    ] = ENGINE.default,
    rounding: Annotated[ReferenceName, options.declared(REFERENCE, panel=_NIGHT)] = REFERENCE.start,
    require: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Boards that must be attached: one that is missing fails the bench.",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = "",
    boards: Annotated[
        str,
        typer.Option(metavar="A,B", help="Only these boards.", rich_help_panel=_NIGHT, show_default=False),
    ] = "",
    twins: Annotated[
        bool | None,
        typer.Option(
            "--twins/--no-twins",
            help="Test the twin of every board that is not attached.  [default: where there is no bench file]",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = None,
    suite: Annotated[
        str,
        typer.Option(
            metavar="COMMAND",
            help="Also run this for each board, told by TINYSINE_BOARD, and by TINYSINE_PLACE or TINYSINE_PORT, with "
            '--junitxml=FILE added; such as "tox -e hil-board --".',
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = "",
    optimize: Annotated[OptimizeName, options.declared(OPTIMIZE, panel=_NIGHT)] = OPTIMIZE.start,
    data: Annotated[Path | None, options.declared(DATA, panel=_NIGHT, show_default=False)] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Boards at the same time, at most.  [default: all, and as many twins as there are cores]",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = None,
    retries: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Try again so often what the bench has failed; a pass after that is flaky.",
            rich_help_panel=_NIGHT,
        ),
    ] = 0,
    quarantine: Annotated[
        float,
        typer.Option(
            metavar="H",
            min=0,
            max=8760,  # a year
            help="Leave a board that the bench has failed alone for so many hours; it fails the bench meanwhile.",
            rich_help_panel=_NIGHT,
        ),
    ] = 0.0,
    timeout: options.Timeout = TIMEOUT.start,
    part_timeout: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=1,
            help="Seconds until a part of a board's night is killed.",
            rich_help_panel=_NIGHT,
        ),
    ] = PART_TIMEOUT_S,
    bench: options.BenchPath = BENCH.start,
    soak: options.Soak = SOAK.start,
    gate: options.Gates = None,
) -> None:
    """Verify every board, run its suite, and keep the results.

    The boards of the bench file; without one every attached board, and the twin of every other. Writes report.html,
    summary.md, summary.json, junit.xml, and for each board its evidence and logs; beside the nights index.html, which
    leads to each report.

    \b
    Examples:
      tinysine nightly --require nano33ble-sense,stm32f746g-disco --suite "tox -e hil-board --"
      tinysine nightly --engine my-engine --model kws.tflite
      tinysine nightly --gate "instructions +0 %" --gate "flash_bytes <= 8192"
      tinysine nightly --dated --out ~/nights --history ~/history.sqlite

    \b
    Exit codes, the first that fits:
      1  a product failed
      2  usage, or bad input: the night did not start; or a report cannot be written
      3  a board was not judged: the bench failed, a required board is missing,
         the model cannot be built for it, or the suite did not test it
      0  all passed, some perhaps only after help: those are called flaky
    """
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415
    from tinysine.bench.census import take_census  # noqa: PLC0415
    from tinysine.bench.night import Orders  # noqa: PLC0415
    from tinysine.bench.night_plan import plan_night  # noqa: PLC0415
    from tinysine.boards import list_boards  # noqa: PLC0415
    from tinysine.model import REFERENCE_MODEL  # noqa: PLC0415

    engine, engine_name = _engine(engine, rounding, model)
    if data is not None:
        from tinysine.graph import read_judged  # noqa: PLC0415
        from tinysine.stimuli import read_data  # noqa: PLC0415

        read_data(data, read_judged(model or REFERENCE_MODEL, own=engine == ENGINE.default))
    file = history or out.parent / DEFAULT_HISTORY
    gates = gates_to_judge(gate, file, bench=bench)
    now = datetime.now(UTC)
    layout = find_bench(bench)
    found = take_census(layout, ask="none")
    plan = plan_night(
        found, list_boards(), required=_names(require), only=_names(boards), twins=twins, bench=layout
    )
    from tinysine.bench.quarantine import FILE, leave_out, read_quarantine, write_quarantine  # noqa: PLC0415

    quarantine_file = file.with_name(FILE)
    if quarantine:
        plan = leave_out(plan, read_quarantine(quarantine_file), now)
    _refuse_own_file(file, out, (night.label for night in (*plan.jobs, *(gone.job for gone in plan.missing))))
    stamp = now.strftime("%Y-%m-%d-%H%M%S")
    folder = make_folder(out / stamp if dated else out, stamp=stamp, history=file.absolute())
    try:
        check_report(out / INDEX_FILE)
        _begin_history(file)
    except BaseException:
        release_folder(folder)
        raise
    orders = Orders(
        model=(model or REFERENCE_MODEL).resolve(),
        out=folder,
        suite=tuple(shlex.split(suite)),
        bench_file=layout.file and str(Path(layout.file).resolve()),
        timeout_s=part_timeout,
        connect_s=timeout,
        at_once=jobs,
        soak=soak,
        engine=engine,
        reference=rounding,
        optimize=optimize,
        data=data and data.resolve(),
        retries=retries,
        gates=gates,
        history=file,
    )

    def after(nights: Sequence[BoardNight]) -> None:
        if quarantine:
            write_quarantine(quarantine_file, nights, now=now, hours=quarantine)

    _night(plan, orders, now=now, engine_name=engine_name, history=file, index=out, after=after)


def _begin_history(file: Path) -> None:
    """Find out before the night that a history could not be written; take over one of an earlier version.

    Raises:
        ConfigError, BenchError: it cannot be written.
    """
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.history import History, read_lines  # noqa: PLC0415

    former = file.with_name(FORMER_HISTORY)
    is_new = not file.exists()
    with History(file) as kept:
        if is_new and file.name == DEFAULT_HISTORY.name and former.is_file():
            runs, _ = read_lines(former)
            say(f"{file}: {len(kept.add(runs)):,} runs of {former} taken over")


def _refuse_own_file(history: Path, out: Path, labels: Iterable[str]) -> None:
    """Refuse a history that a night would write its own files over.

    Args:
        out: the folder that was named.
        labels: of the night's boards, which have a folder each.
    Raises:
        ConfigError: the history is one of the night's files, or in the folder of a board.
    """
    from tinysine.bench.night_report import JUNIT, PAGE, SUMMARY  # noqa: PLC0415

    own, place = {SUMMARY, PAGE, JUNIT, REPORT_FILE, INDEX_FILE, *labels}, history.resolve()
    for name in own:
        if (out.resolve() / name) in (place, *place.parents):
            raise ConfigError(
                f"the history file {history} is where a night writes its own {name}",
                hint="name another file with --history, such as history.sqlite beside the folder",
                file=str(history),
            )


def _engine(choice: str, rounding: ReferenceName, model: Path | None) -> tuple[str, str]:
    """The engine as every process of the night is told it, and its name.

    Raises:
        ConfigError, ModelError: no board could pass with this engine, reference and model.
    """
    from tinysine.graph import read_judged  # noqa: PLC0415
    from tinysine.image import choose_engine, recipes  # noqa: PLC0415
    from tinysine.quantization import Rounding  # noqa: PLC0415

    chosen = choose_engine(choice)
    if chosen is not None:
        chosen.require(Rounding(rounding))
    if model is not None:
        read_judged(model, own=chosen is None)
    if chosen is None:
        return choice, choice
    # A suite may run in another folder.
    return choice if choice in recipes() else str(chosen.folder), chosen.name


def _night(
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
    from tinysine.reports import write_index  # noqa: PLC0415

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
    cut_off: BaseException | None = None
    try:
        night.run()
    except BaseException as error:  # what it has found is written first
        cut_off = error
    nights = night.boards()
    runs = runs_of(nights)
    tested = tested_in_words(runs)
    shown: list[tuple[str, ...]] = []

    numbers: list[int] = []

    def add() -> None:
        with History(history) as kept:
            numbers.extend(kept.add(runs))

    def page() -> None:
        before = min(numbers, default=None)
        write_night(folder, nights, runs, history=history, before=before, gates=orders.gates, shown=shown)

    def every_night() -> None:
        write_index(index)

    # What depends on earlier nights comes last.
    writes: list[Callable[[], None]] = [partial(write_facts, folder, nights, runs), add, page, every_night]
    if cut_off is None:
        writes.append(partial(after, nights))
    refusals = {write: refusal for write in writes if (refusal := _try(write)) is not None}
    if cut_off is None:
        with ignore_closed_output():
            show_night(HEADINGS, shown, tested=tested)
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


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def make_folder(folder: Path, *, stamp: str, history: Path | None = None) -> Path:
    """Claim an empty folder for a night: the one that is named, or a new one in it, if that holds earlier nights.

    Of several processes that ask at the same time each gets one of its own.

    Args:
        folder: that is named.
        stamp: the time, which a new one in it is named for.
        history: a file that may be there.
    Raises:
        ConfigError: it holds something else, or cannot be written.
    """
    try:
        entries = folder.iterdir() if folder.exists() else ()
        kept = [entry for entry in entries if not (_is_of(history, entry) or _is_index(entry))]
        if kept and not any(_is_night(entry) for entry in (folder, *kept)):
            raise ConfigError(
                f"{folder} holds files that are not those of an earlier night; nothing was touched",
                hint="name another folder with --out",
                file=str(folder),
            )
        if not kept:
            folder.mkdir(parents=True, exist_ok=True)
            if _claim(folder):
                return folder
        for number in itertools.count(1):  # two nights may begin in the same second
            own = folder / (stamp if number == 1 else f"{stamp}-{number}")
            with contextlib.suppress(FileExistsError):
                own.mkdir()
                if _claim(own):
                    return own
    except OSError as error:
        raise unwritable(folder, error, hint=options.ANOTHER_OUT) from error
    raise AssertionError  # there is always another number


def _claim(folder: Path) -> bool:
    """Take a folder for a night; False where another night has just taken it.

    Its summary is made, empty, by the one call of which the system lets only one succeed. It is filled at once.
    """
    from tinysine.bench.night_report import SUMMARY  # noqa: PLC0415

    try:
        (folder / SUMMARY).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def release_folder(folder: Path) -> None:
    """Give back a folder of `make_folder` in which no night began."""
    from tinysine.bench.night_report import SUMMARY  # noqa: PLC0415

    with contextlib.suppress(OSError):
        (folder / SUMMARY).unlink()


def _is_of(history: Path | None, entry: Path) -> bool:
    """Tell whether a file is the history, or what SQLite keeps beside it."""
    if history is None:
        return False
    own = {f"{history.name}{end}" for end in ("", "-wal", "-shm", "-journal")}
    return entry.absolute().parent == history.parent and entry.name in own


def _is_index(entry: Path) -> bool:
    return entry.name == INDEX_FILE and is_report(entry)


def _is_night(folder: Path) -> bool:
    from tinysine.bench.night_report import SCHEMA, SUMMARY  # noqa: PLC0415

    try:
        if (folder / SUMMARY).stat().st_size == 0:  # a night has just claimed it
            return True
        return bool(read_json_file(folder / SUMMARY)["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False
