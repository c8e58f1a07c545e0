"""run: from nothing to a verdict."""

from __future__ import annotations

import contextlib
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tinysine import training_defaults
from tinysine.commands import make, options
from tinysine.commands.at_once import worker_beside
from tinysine.commands.conductor import choose_conductor
from tinysine.commands.drawings import Drawings
from tinysine.commands.examples import Made, make_digits, make_sine
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.commands.report_kept import check_report, write_report
from tinysine.commands.results_folder import refuse_foreign, staged
from tinysine.commands.run_kept import keep, leave, open_history, output_kept
from tinysine.errors import ConfigError, TinysineError
from tinysine.place import NewTwin
from tinysine.result_files import DEFAULT_OUT, EVIDENCE_FILE, REPORT_FILE
from tinysine.settings import (
    BENCH,
    ENGINE,
    OPTIMIZE,
    PLACE,
    PROBE,
    PRUNE,
    REFERENCE,
    SOAK,
    TIMEOUT,
    TOOLCHAIN,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tinysine.commands.conductor import Conductor
    from tinysine.evidence import Evidence
    from tinysine.image import BuildOptions

_OF_THE_SINE = ("network", "batch_size", "samples", "noise", "split")

Example = Annotated[
    Literal["sine", "digits"],
    typer.Option(
        help="Network to train: the article's sine, or a convolutional network that reads handwritten digits.",
        rich_help_panel="Training",
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=f"Passes over the training data: {training_defaults.EPOCHS} for the sine, "
        f"{training_defaults.DIGITS_EPOCHS} for the digits.",
        show_default=False,
        rich_help_panel="Training",
    ),
]
Plots = Annotated[
    bool, typer.Option("--plots/--no-plots", help="Draw the plots as well.", rich_help_panel="Output")
]


def run(
    ctx: typer.Context,
    *,
    example: Example = "sine",
    out: make.OutFolder = DEFAULT_OUT,
    board: options.BoardName = DEFAULT_BOARD,
    port: options.PortName = None,
    place: options.PlaceId = PLACE.start,
    probe: options.Probe = PROBE.start,
    bench: options.BenchPath = BENCH.start,
    timeout: options.Timeout = TIMEOUT.start,
    network: options.Network = training_defaults.NETWORK,
    epochs: Epochs = None,
    batch_size: options.BatchSize = training_defaults.BATCH_SIZE,
    samples: options.TrainingSamples = training_defaults.SAMPLES,
    noise: options.Noise = training_defaults.NOISE,
    split: options.Split = training_defaults.SPLIT,
    seed: options.TrainingSeed = training_defaults.SEED,
    engine: options.Engine = ENGINE.start,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
    max_latency: options.LatencyBudget = None,
    soak: options.Soak = SOAK.start,
    plots: Plots = True,
    json: options.EvidenceFile = None,
    html: options.HtmlFile = None,
    history: options.HistoryToWrite = None,
    quiet: options.Quiet = False,
) -> None:
    """Train, convert, build, boot a board, prove every output.

    Writes the models, the C array, the image, the plots, the evidence and a report to one folder. If the run ends with
    an error, it writes none of them.

    \b
    Examples:
      tinysine run
      tinysine run --network model_1 --out first-try --json evidence.json
      tinysine run --example digits --out digits
    """
    from tinysine.commands.screen import Progress  # noqa: PLC0415
    from tinysine.commands.verdict_shown import show_verdict  # noqa: PLC0415
    from tinysine.evidence import write_evidence  # noqa: PLC0415
    from tinysine.training import TrainingSettings, require_tensorflow  # noqa: PLC0415
    from tinysine.verify import Question, Watcher  # noqa: PLC0415

    build = options.build_options(
        engine=engine, rounding=rounding, optimize=optimize, prune=prune, toolchain=toolchain
    )
    conductor = choose_conductor(
        board=board, port=port, place=place, probe=probe, bench=bench, timeout=timeout, build=build
    )
    require_tensorflow()
    conductor.require_ready(toolchain=toolchain)
    settings = TrainingSettings(
        samples=samples,
        noise=noise,
        split=split,
        seed=seed,
        epochs=training_defaults.EPOCHS if epochs is None else epochs,
        batch_size=batch_size,
        network=network,
    )
    _refuse_the_sines(ctx, example)
    unwritten: list[Exception] = []
    evidence: Evidence | None = None
    _refuse_outputs(out, json=json, html=html, history=history)
    try:
        with (
            staged(out) as stage,
            Progress(quiet=quiet, lines=True) as progress,
            worker_beside() as worker,
        ):
            drawings = Drawings(worker, stage, wanted=plots)

            def keep_both(evidence: Evidence) -> None:
                write_evidence(evidence, stage / EVIDENCE_FILE)
                write_report(evidence, stage / REPORT_FILE, history=history)
                keep(evidence, json, unwritten, html=html, history=history)

            _begin_preparing(worker, conductor, build)
            made: Made
            if example == "sine":
                made = make_sine(progress, settings, stage, drawings=drawings)
            else:
                made = make_digits(
                    progress,
                    stage,
                    seed=seed,
                    epochs=training_defaults.DIGITS_EPOCHS if epochs is None else epochs,
                    drawings=drawings,
                )
            drawings.begin(made.training_figures)
            evidence = conductor.ask(
                stage / made.model_file,
                shown_folder=out,
                question=Question(seed=seed, latency_budget=max_latency, soak=soak, **made.asked(stage)),
                out_dir=stage,
                watcher=Watcher(keep_both, progress.begin, progress.end, progress.advance),
            )
            drawings.begin(partial(made.device_figures, evidence))
            if plots:
                with progress.stage("plots"):
                    try:
                        drawings.finish()
                    # Of matplotlib, which reads settings of the user's: the verdict stands.
                    except Exception as error:
                        unwritten.append(error)
    except TinysineError as error:
        if evidence is None:
            raise
        unwritten.append(error)  # the results could not be put in their place
    assert evidence is not None
    if json != Path("-"):
        with output_kept(unwritten):
            if not quiet:
                make.show_sizes(made.converted, parameters=made.parameters, name=Path(made.model_file).stem)
            show_verdict(evidence, quiet=quiet)
            if not quiet and not unwritten:
                _say_where(evidence, out, out / made.model_file)
    leave(evidence, unwritten)


def _begin_preparing(worker: Executor, conductor: Conductor, build: BuildOptions) -> None:
    """Compile what the board's build and its twin need, whatever the model is, while TensorFlow is imported."""
    # Imported here, not by the worker: see `Drawings.on_epoch`.
    from tinysine.emulation.hooks import counting_library  # noqa: PLC0415
    from tinysine.image import prepare_build  # noqa: PLC0415

    def prepare() -> None:
        with contextlib.suppress(
            TinysineError
        ):  # what fails here fails again where it is needed, and is told there
            prepare_build(conductor.board, build)
        if isinstance(conductor.place, NewTwin) and conductor.board.backend == "emulated":
            counting_library()

    worker.submit(prepare)


def _say_where(evidence: Evidence, out: Path, model: Path) -> None:
    """Say where the results are, and what to do next."""
    from tinysine.commands.screen import say  # noqa: PLC0415

    say(f"results in {out}; the report is {out / REPORT_FILE}")
    for line in _next_steps(evidence, model):
        say(line)


def _next_steps(evidence: Evidence, model: Path) -> tuple[str, ...]:
    """Return what a person may want to type now, in lines that fit most terminals."""
    verify = f"  tinysine verify {shlex.quote(str(model))}"
    if evidence.verdict != "pass":
        return "next: find the layer that is wrong", f"{verify} --layers"
    if evidence.board is not None and evidence.board.kind == "hardware":
        command = f"{verify} --board {evidence.board.name} --port auto --soak 10000"
        return "next: ask for more answers, with resets in between", command
    command = f"{verify} --board NAME --port auto"
    return "next: plug in a board; `tinysine boards` shows its NAME", command


def _refuse_outputs(out: Path, *, json: Path | None, html: Path | None, history: Path | None) -> None:
    """Find out before the work starts that something of it could not be written.

    Raises:
        ConfigError, BenchError: it could not, or would take the place of something else.
    """
    from tinysine.evidence import check_writable  # noqa: PLC0415

    refuse_foreign(out)
    if json is not None:
        check_writable(json)
    check_report(html, others=(json, history))
    open_history(history, json=json)


def _refuse_the_sines(ctx: typer.Context, example: str) -> None:
    """Refuse options of the sine's training where another example is trained.

    Raises:
        ConfigError: one was given.
    """
    for name in _OF_THE_SINE if example != "sine" else ():
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise ConfigError(
                f"{option} is of the sine's training, and this example is another",
                hint=f"leave {option} out, or --example sine",
                key=name,
            )
