"""verify and references: what does the device answer, and what should it."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tinysine.commands import options
from tinysine.commands.gating import gated, gates_to_judge, history_run
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.commands.report_kept import check_report, write_report
from tinysine.errors import BenchError, ConfigError
from tinysine.place import Named, NewTwin, Place, read_place
from tinysine.settings import (
    BENCH,
    ENGINE,
    FIRMWARE,
    INPUTS,
    OPTIMIZE,
    PLACE,
    PROBE,
    PRUNE,
    REFERENCE,
    SEED,
    SOAK,
    TIMEOUT,
    TOLERANCE,
    TOLERANCE_ABS,
    TOOLCHAIN,
    engine_for_foreign,
    no_port_for_foreign,
)
from tinysine.settings import Firmware as FirmwareName
from tinysine.settings import Flashing as FlashingName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tinysine.boards import Board
    from tinysine.evidence import Evidence
    from tinysine.history import Gate
    from tinysine.image import BuildOptions
    from tinysine.oracles import Disagreements

Flashing = Annotated[
    FlashingName,
    typer.Option(
        help="auto flashes unless the board proves that it already runs this build; never also takes an exported "
        "sketch that the Arduino IDE has uploaded.",
        rich_help_panel="Board",
    ),
]


def verify(
    model: options.ModelFile,
    *,
    board: options.BoardName = DEFAULT_BOARD,
    port: options.PortName = None,
    place: options.PlaceId = PLACE.start,
    probe: options.Probe = PROBE.start,
    bench: options.BenchPath = BENCH.start,
    timeout: options.Timeout = TIMEOUT.start,
    flash: Flashing = "auto",
    firmware: options.Firmware = FIRMWARE.start,
    engine: options.Engine = ENGINE.start,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
    seed: options.Seed = SEED.start,
    inputs: options.Samples = INPUTS.start,
    data: options.DataFile = None,
    float_model: options.FloatModel = None,
    tolerance: options.Tolerance = TOLERANCE.start,
    tolerance_abs: options.ToleranceAbs = TOLERANCE_ABS.start,
    max_latency: options.LatencyBudget = None,
    gate: options.Gates = None,
    soak: options.Soak = SOAK.start,
    layers: options.Layers = False,
    json: options.EvidenceFile = None,
    html: options.HtmlFile = None,
    history: options.HistoryToWrite = None,
    quiet: options.Quiet = False,
) -> None:
    """Build a model's firmware, run it on a board, prove every answer.

    Every output is compared with the reference interpreter's: equal, not close. Latency and memory are
    measured on the device. Without --port, an emulated board is started for it and ended afterwards.
    A board at --port is flashed, unless it proves to run this very build already.
    With --firmware foreign, whatever speaks the protocol at --port is judged, whoever made it.

    \b
    Examples:
      tinysine verify sine.tflite
      tinysine verify sine.tflite --port /dev/ttyACM0 --json evidence.json
      tinysine verify sine.tflite --reference tflm --optimize size --max-latency 3000
      tinysine verify sine.tflite --layers
      tinysine verify kws.tflite --data test_set.npz --json evidence.json
      tinysine verify kws.tflite --engine my-engine --board qemu:mps2-an386
      tinysine verify kws.tflite --firmware foreign --port /dev/ttyUSB0 --reference tflm
    """
    from tinysine.commands.layers_shown import show_layers  # noqa: PLC0415
    from tinysine.commands.screen import Progress  # noqa: PLC0415
    from tinysine.commands.verdict_shown import show_verdict  # noqa: PLC0415

    if flash == "never" and not place and isinstance(read_place(port, source="--port"), NewTwin):
        raise ConfigError(
            "--flash never needs a board that runs the model already, and an emulated one is started empty",
            hint="--port PORT or --port auto; or leave --flash out",
            key="flash",
        )
    unwritten: list[Exception] = []
    with Progress(quiet=quiet, lines=layers) as progress:
        progress.begin("model")
        # It brings numpy with it, hence so late.
        from tinysine.evidence import check_writable  # noqa: PLC0415

        if json is not None:
            check_writable(json, inputs=(model,))
        check_report(html, others=(model, json, history))
        gates = gates_to_judge(gate, history)
        open_history(history, json=json)
        conductor = choose_conductor(
            board=board,
            port=port,
            place=place,
            probe=probe,
            bench=bench,
            timeout=timeout,
            build=options.build_options(
                engine=engine, rounding=rounding, optimize=optimize, prune=prune, toolchain=toolchain
            ),
            firmware=firmware,
        )
        from tinysine.verify import Question, Watcher  # noqa: PLC0415

        question = Question(
            seed=seed,
            samples=inputs,
            data=data,
            float_model=float_model,
            tolerance=tolerance,
            tolerance_abs=tolerance_abs,
            latency_budget=max_latency,
            soak=soak,
            layers=layers,
        )
        judged: list[Evidence] = []

        def judge_and_keep(evidence: Evidence) -> None:
            judged.append(gated(evidence, gates, history, model, unwritten))
            keep(judged[-1], json, unwritten, html=html, history=history, model=model, gates=gates)

        watcher = Watcher(
            judge_and_keep,
            progress.begin,
            progress.end,
            progress.advance,
        )
        conductor.ask(model, question=question, flash=flash, watcher=watcher)
        evidence = judged[-1]
    if json != Path("-"):
        with output_kept(unwritten):
            show_verdict(evidence, quiet=quiet)
            if evidence.layers is not None and not quiet:
                show_layers(evidence.layers)
    leave(evidence, unwritten)


@contextlib.contextmanager
def output_kept(unwritten: list[Exception]) -> Iterator[None]:
    """Show a verdict; what keeps it from being shown is collected, for the verdict's exit code stands."""
    from tinysine.commands.screen import ignore_closed_output, silence_output  # noqa: PLC0415

    try:
        with ignore_closed_output():
            yield
    except OSError as error:
        silence_output()
        unwritten.append(error)


def keep(
    evidence: Evidence,
    json: Path | None,
    unwritten: list[Exception],
    *,
    html: Path | None = None,
    history: Path | None = None,
    model: Path | None = None,
    gates: Iterable[Gate] = (),
) -> None:
    """Write evidence where somebody wants it; what keeps it from being written is collected.

    Args:
        evidence: of the run.
        json: file for it.
        unwritten: what went wrong is added here.
        html: file for the report.
        history: file that the run is added to.
        model: the user's file, whose repository has the commit.
        gates: limits that the report shows.
    """
    from tinysine.commands.errors_shown import say_error  # noqa: PLC0415
    from tinysine.commands.screen import silence_output  # noqa: PLC0415
    from tinysine.evidence import write_evidence  # noqa: PLC0415

    def to_file() -> None:
        if json is not None:
            write_evidence(evidence, json)

    def to_report() -> None:
        if html is not None:
            write_report(evidence, html, history=history, model=model, gates=gates)

    def to_history() -> None:
        if history is not None:
            _add(evidence, history, json=json, model=model)

    for write in (to_file, to_report, to_history):
        try:
            write()
        except (ConfigError, BenchError, OSError) as error:  # OSError: of standard output
            if isinstance(error, OSError):
                silence_output()
            elif evidence.verdict == "error":
                # What ended the run is said next, and counts for more.
                say_error(error)
            unwritten.append(error)


def open_history(file: Path | None, *, json: Path | None = None) -> None:
    """Find out before the work starts that a history could not be written.

    Args:
        file: of the history.
        json: for the evidence.
    Raises:
        ConfigError, BenchError: it cannot; or the evidence would take its place.
    """
    if file is not None and json is not None and file.resolve() == json.resolve():
        raise ConfigError(
            f"{file} is named for the history and for the evidence", hint="name two files", key="history"
        )
    if file is not None:
        from tinysine.history import History  # noqa: PLC0415

        History(file).close()


def _add(evidence: Evidence, history: Path, *, json: Path | None, model: Path | None) -> None:
    from tinysine.evidence import STDOUT  # noqa: PLC0415
    from tinysine.history import History  # noqa: PLC0415

    where = None if json is None or json == STDOUT else json.resolve()
    with History(history) as kept:
        kept.add([history_run(evidence, model, file=where)])


def leave(evidence: Evidence, unwritten: list[Exception]) -> NoReturn:
    """End with the verdict's exit code: a device that is wrong counts for more than what cannot be kept, or shown."""
    from tinysine.commands.errors_shown import show  # noqa: PLC0415

    if unwritten and evidence.verdict == "fail":
        if not isinstance(unwritten[0], BrokenPipeError):  # whoever stopped reading knows
            show(unwritten[0], command="", debug=False)
    elif unwritten:
        raise unwritten[0]
    raise typer.Exit(evidence.exit_code)


@dataclass(frozen=True)
class Conductor:
    """`tinysine.verify.verify` for one board.

    Attributes:
        board: that is asked.
        place: where it is.
        ask: `verify`, told all that `choose_conductor` was; takes the model, and what else differs.
    """

    board: Board
    place: Place
    ask: Callable[..., Evidence]


def choose_conductor(
    *,
    board: str,
    port: str | None,
    probe: str,
    bench: str,
    timeout: float,
    build: BuildOptions,
    place: str = PLACE.start,
    firmware: FirmwareName = FIRMWARE.start,
) -> Conductor:
    """Tell `verify` what the commands that call it have in common, and where the board is.

    Raises:
        ConfigError, BoardNotFound: no such board, or it is not where it ought to be.
    """
    from tinysine.bench.bench_file import find_place  # noqa: PLC0415
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415
    from tinysine.boards import FOREIGN, load_board  # noqa: PLC0415
    from tinysine.verify import verify as conduct  # noqa: PLC0415

    if build.engine is not None and firmware == "foreign":
        raise engine_for_foreign("--engine or --firmware")
    asked = read_place(port, source="--port", probe=probe)
    if firmware == "foreign" and not place and not isinstance(asked, Named):
        raise no_port_for_foreign("--port")
    name = board if firmware == "own" else FOREIGN.name
    name, found = find_place(name, asked, id=place, bench=find_bench(bench), default=DEFAULT_BOARD)
    if firmware == "foreign" and not isinstance(found, Named):
        raise no_port_for_foreign("--port")
    target = load_board(name) if firmware == "own" else FOREIGN
    ask = functools.partial(
        conduct,
        board=target,
        place=found,
        timeout_s=timeout,
        options=build,
        firmware=firmware,
    )
    return Conductor(target, found, ask)


def references(
    model: options.ModelFile,
    *,
    seed: options.Seed = SEED.start,
    inputs: options.Samples = INPUTS.start,
) -> None:
    """Show how the references themselves differ on a model.

    LiteRT and TensorFlow Lite Micro round differently, and both are right. Each cell counts the inferences
    whose outputs differ, and the largest difference.

    \b
    Example:
      tinysine references sine.tflite
    """
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.graph import read_judged  # noqa: PLC0415
    from tinysine.model import names_of  # noqa: PLC0415
    from tinysine.oracles import available_oracles, disagreements  # noqa: PLC0415
    from tinysine.stimuli import sample_inputs  # noqa: PLC0415

    judged = read_judged(model, own=False)
    asked = sample_inputs(judged, seed=seed, count=inputs)
    oracles = available_oracles(judged, on_refusal=lambda _name, refusal: say(str(refusal)))
    found = disagreements(oracles, asked.codes)

    how = "every input there is" if asked.exhaustive else f"seeded sample and corners, seed {seed}"
    several = bool(found.outputs)
    for name, one in zip(names_of(judged.outputs), found.outputs or (found,), strict=True):
        table(
            f"How many of {found.checked:,} outputs{f' {name!r}' if several else ''} differ ({how})",
            [name if several else "", *found.names],
            [[oracle, *_differences(one, i)] for i, oracle in enumerate(found.names)],
        )
    for oracle in oracles:
        details = "".join(f", {key} {value}" for key, value in oracle.detail.items())
        say(f"{oracle.name}: {oracle.version}{details}")


def _differences(found: Disagreements, row: int) -> Iterator[str]:
    """One oracle against each."""
    for count, most in zip(found.mismatches[row], found.max_abs_diff[row], strict=True):
        by = f" (by {most:g})" if math.isfinite(most) else ""
        yield f"{count}{by}" if count else "equal"
