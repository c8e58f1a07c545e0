"""run: from nothing to a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.commands import make, options
from tinysine.commands.check import choose_conductor, keep, leave, output_kept
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.commands.results_folder import PLOTS_FOLDER, refuse_foreign, staged
from tinysine.commands.stale_evidence import EVIDENCE_FILE
from tinysine.errors import TinysineError
from tinysine.result_files import INT8_FILE
from tinysine.settings import CONNECT_TIMEOUT_S, ENGINE
from tinysine.whole_files import write_files

if TYPE_CHECKING:
    from tinysine.commands.screen import Progress
    from tinysine.evidence import Evidence
    from tinysine.training import Converted, Trained, TrainingSettings

SKIPPED_EPOCHS = 50  # the steep beginning hides what comes after

Plots = Annotated[
    bool, typer.Option("--plots/--no-plots", help="Draw the plots as well.", rich_help_panel="Output")
]


def run(
    *,
    out: make.OutFolder = make.DEFAULT_OUT,
    board: options.BoardName = DEFAULT_BOARD,
    port: options.PortName = None,
    probe: options.Probe = "",
    bench: options.BenchPath = "",
    timeout: options.Timeout = CONNECT_TIMEOUT_S,
    network: options.Network = "model_2",
    epochs: options.Epochs = 600,
    batch_size: options.BatchSize = 16,
    samples: options.TrainingSamples = 1000,
    noise: options.Noise = 0.1,
    split: options.Split = (0.6, 0.2, 0.2),
    seed: options.TrainingSeed = 3,
    engine: options.Engine = ENGINE.default,
    rounding: options.Rounding = "litert",
    optimize: options.Optimize = "speed",
    prune: options.Prune = False,
    toolchain: options.Toolchain = "auto",
    max_latency: options.LatencyBudget = None,
    soak: options.Soak = 0,
    plots: Plots = True,
    json: options.EvidenceFile = None,
    quiet: options.Quiet = False,
) -> None:
    """Train, convert, build, boot a board, prove every output.

    Leaves the models, the C array, the image, the plots and the evidence in one folder, all of them or none.

    \b
    Examples:
      tinysine run
      tinysine run --network model_1 --out first-try --json evidence.json
    """
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415
    from tinysine.commands.verdict_shown import show_verdict  # noqa: PLC0415
    from tinysine.evidence import check_writable, write_evidence  # noqa: PLC0415
    from tinysine.training import TrainingSettings  # noqa: PLC0415
    from tinysine.verify import require_tools  # noqa: PLC0415

    conductor = choose_conductor(
        board=board,
        port=port,
        probe=probe,
        bench=bench,
        timeout=timeout,
        build=options.build_options(
            engine=engine, rounding=rounding, optimize=optimize, prune=prune, toolchain=toolchain
        ),
        seed=seed,
        max_latency=max_latency,
        soak=soak,
    )
    require_tools(conductor.board, port=conductor.port, toolchain=toolchain)
    settings = TrainingSettings(
        samples=samples,
        noise=noise,
        split=split,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        network=network,
    )
    unwritten: list[Exception] = []
    evidence: Evidence | None = None
    refuse_foreign(out)
    if json is not None:
        check_writable(json)
    try:
        with staged(out) as stage, Progress(quiet=quiet, lines=True) as progress:

            def keep_both(evidence: Evidence) -> None:
                write_evidence(evidence, stage / EVIDENCE_FILE)
                keep(evidence, json, unwritten)

            trained, converted = _make_models(progress, settings, stage)
            evidence = conductor.ask(
                stage / INT8_FILE,
                called=str(out / INT8_FILE),
                out_dir=stage,
                on_evidence=keep_both,
                on_begin=progress.begin,
                on_stage=progress.end,
                on_progress=progress.advance,
            )
            if plots:
                with progress.stage("plots"):
                    from tinysine.plots import into_files  # noqa: PLC0415

                    try:
                        with into_files():
                            _draw(stage / PLOTS_FOLDER, trained, converted, evidence)
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
                make.show_sizes(converted, parameters=trained.parameters, name=Path(INT8_FILE).stem)
            show_verdict(evidence, quiet=quiet)
            if not quiet and not unwritten:
                say(f"results in {out}")
    leave(evidence, unwritten)


def _make_models(progress: Progress, settings: TrainingSettings, folder: Path) -> tuple[Trained, Converted]:
    from tinysine.training import convert, save  # noqa: PLC0415

    trained = make.train_with(progress, settings)
    with progress.stage("convert"):
        converted = convert(trained)
        save(folder, trained, converted)
        write_files(folder, make.array_files(converted.int8_tflite, Path(INT8_FILE).stem))
    return trained, converted


def _draw(folder: Path, trained: Trained, converted: Converted, evidence: Evidence) -> None:
    """Draw the walk from the samples to the device's answers."""
    import numpy as np  # noqa: PLC0415

    from tinysine import plots  # noqa: PLC0415
    from tinysine.graph import parse_network  # noqa: PLC0415
    from tinysine.oracles import litert_oracle  # noqa: PLC0415
    from tinysine.quantization import dequantize  # noqa: PLC0415
    from tinysine.training import run_float_tflite  # noqa: PLC0415

    data, history = trained.dataset, trained.history
    parts = {"training": data.train, "validation": data.validation, "test": data.test}
    x = np.linspace(0, 2 * np.pi, 400, dtype=np.float32)
    figures = {
        "1_samples": plots.plot_samples(data.clean.x, data.clean.y),
        "2_noisy_samples": plots.plot_samples(
            data.noisy.x, data.noisy.y, title="The same samples with noise"
        ),
        "3_split": plots.plot_splits({name: (part.x, part.y) for name, part in parts.items()}),
        "4_loss": plots.plot_loss(history.loss, history.val_loss),
        "6_mae": plots.plot_mae(history.mae, history.val_mae),
        "7_predictions": plots.plot_predictions(
            data.test.x, data.test.y, x, {trained.settings.network: trained.predict(x)}
        ),
    }
    if len(history.loss) > SKIPPED_EPOCHS:
        figures["5_loss_later"] = plots.plot_loss(history.loss, history.val_loss, first=SKIPPED_EPOCHS + 1)
    model = parse_network(converted.int8_tflite, file=INT8_FILE)
    inputs, answers = evidence.inputs, evidence.device
    into, out_of = model.input.quantization, model.output.quantization
    if inputs is not None and answers is not None and into is not None and out_of is not None:
        reals = dequantize(inputs[:, 0], into)
        int8 = dequantize(litert_oracle(model).run(inputs)[:, 0], out_of)
        figures["8_device"] = plots.plot_comparison(
            {
                "float TFLite": (x, run_float_tflite(converted.float_tflite, x)),
                "int8 TFLite": (reals, int8),
                f"{evidence.board.name} ({evidence.board.kind})": (reals, dequantize(answers[:, 0], out_of)),
            }
        )
    for name, figure in figures.items():
        plots.save_png(figure, folder / f"{name}.png")
