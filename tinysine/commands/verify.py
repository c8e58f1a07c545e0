"""verify: what does the device answer, and is it what it should."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.commands import options
from tinysine.commands.conductor import choose_conductor
from tinysine.commands.gating import gated, gates_to_judge
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.commands.report_kept import check_report
from tinysine.commands.run_kept import keep, leave, open_history, output_kept
from tinysine.errors import ConfigError
from tinysine.place import NewTwin, read_place
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
)
from tinysine.settings import Flashing as FlashingName

if TYPE_CHECKING:
    from tinysine.evidence import Evidence

Flashing = Annotated[
    FlashingName,
    typer.Option(
        help="auto flashes the board, unless it proves that it already runs this build; never tests what runs there, "
        "which may be a sketch that the Arduino IDE has uploaded.",
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

    Compares every output with the reference interpreter's: it must be equal, not close. Measures latency and memory on
    the device. Without --port, an emulated board is started, and ended afterwards. A board at --port is flashed, unless
    it proves that it already runs this build. With --firmware foreign, nothing is built or flashed: the firmware that
    runs at --port is tested.

    \b
    Examples:
      tinysine verify sine.tflite
      tinysine verify sine.tflite --port /dev/ttyACM0 --json evidence.json
      tinysine verify sine.tflite --optimize size --max-latency 3000
      tinysine verify sine.tflite --layers
      tinysine verify kws.tflite --data test_set.npz --json evidence.json
      tinysine verify kws.tflite --engine my-engine --board qemu:mps2-an386
      tinysine verify kws.tflite --firmware foreign --port COM3 --reference tflm
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
        gates = gates_to_judge(gate, history, bench=bench)
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
            judged.append(gated(evidence, gates, history, model, unwritten, place=place))
            keep(
                judged[-1],
                json,
                unwritten,
                html=html,
                history=history,
                model=model,
                gates=gates,
                place=place,
            )

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
