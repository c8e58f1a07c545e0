"""nightly: every board, with nobody watching."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.bench.night import PART_TIMEOUT_S
from tinysine.commands import options
from tinysine.commands.completion import complete_engine
from tinysine.commands.gating import gates_to_judge
from tinysine.commands.history import DEFAULT_HISTORY, FORMER_HISTORY
from tinysine.commands.night_folder import make_folder, refuse_own_file, release_folder
from tinysine.commands.night_run import run_night
from tinysine.commands.report_kept import check_report
from tinysine.result_files import INDEX_FILE
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

if TYPE_CHECKING:
    from tinysine.bench.night import BoardNight

_NIGHT = "Night"


def nightly(
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the results; if it holds earlier nights, a new folder in it.",
            rich_help_panel="Output",
        ),
    ] = Path("nightly"),
    dated: Annotated[
        bool,
        typer.Option(
            "--dated", help="Write to a new folder in DIR, named after the time.", rich_help_panel="Output"
        ),
    ] = False,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar=HISTORY.variable,
            help="History to which the figures of this night are added.  [default: history.sqlite beside DIR]",
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
            help="Boards that must be attached; if one is missing, the bench has failed.",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = "",
    boards: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="Boards to test; by default all.", rich_help_panel=_NIGHT, show_default=False
        ),
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
            help='Command to run for each board, such as "tox -e hil-board --"; --junitxml=FILE is added to it. Its '
            "variables TINYSINE_BOARD, and TINYSINE_PLACE or TINYSINE_PORT, say which board.",
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
            help="Boards that are tested at the same time, at most.  [default: all boards, and a twin for each core]",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = None,
    retries: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Number of new attempts after a failure of the bench; a pass after that is called flaky.",
            rich_help_panel=_NIGHT,
        ),
    ] = 0,
    quarantine: Annotated[
        float,
        typer.Option(
            metavar="H",
            min=0,
            max=8760,  # a year
            help="Hours for which a board is left out after its bench failed; meanwhile it counts as a bench failure.",
            rich_help_panel=_NIGHT,
        ),
    ] = 0.0,
    timeout: options.Timeout = TIMEOUT.start,
    part_timeout: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=1,
            help="Seconds that each part of a board's night may take; then it is ended.",
            rich_help_panel=_NIGHT,
        ),
    ] = PART_TIMEOUT_S,
    night_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=1,
            max=1e6,
            help="Seconds until the whole night ends: what runs is killed, and boards without a verdict fail the "
            "bench.  [default: no limit]",
            rich_help_panel=_NIGHT,
            show_default=False,
        ),
    ] = None,
    bench: options.BenchPath = BENCH.start,
    soak: options.Soak = SOAK.start,
    gate: options.Gates = None,
) -> None:
    """Verify every board, run its suite, and keep the results.

    Tests the boards of the bench file. Without a bench file, it tests every attached board, and the twin of every other
    board. Writes report.html, summary.md, summary.json, junit.xml, and the evidence and logs of each board. index.html,
    in the folder of --out, links to the report of each night.

    \b
    Examples:
      tinysine nightly --require nano33ble-sense --suite "tox -e hil-board --"
      tinysine nightly --engine my-engine --model kws.tflite
      tinysine nightly --gate "instructions +0 %" --gate "flash_bytes <= 8192"
      tinysine nightly --dated --out ~/nights --history ~/history.sqlite

    \b
    Exit codes, the first that fits:
      1  a product failed
      2  usage or bad input: the night did not start, or it cannot write a report
      3  a board was not judged: the bench failed, a required board is missing,
         the model cannot be built for it, or the suite did not test it
      0  all passed; a board that passed only after a repair is called flaky
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
    refuse_own_file(file, out, (night.label for night in (*plan.jobs, *(gone.job for gone in plan.missing))))
    stamp = now.strftime("%Y-%m-%d-%H%M%S")
    folder = make_folder(out / stamp if dated else out, stamp=stamp, history=file)
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
        night_timeout_s=night_timeout,
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

    run_night(plan, orders, now=now, engine_name=engine_name, history=file, index=out, after=after)


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
