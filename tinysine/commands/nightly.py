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
    refuse_own_file(file, out, (night.label for night in (*plan.jobs, *(gone.job for gone in plan.missing))))
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
