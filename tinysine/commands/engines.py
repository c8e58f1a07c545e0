"""engines: every engine that is at hand, judged on one model, in one table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tinysine.commands import options
from tinysine.commands.conductor import choose_conductor
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.settings import (
    BENCH,
    INPUTS,
    OPTIMIZE,
    PROBE,
    SEED,
    TIMEOUT,
    TOLERANCE,
    TOLERANCE_ABS,
    TOOLCHAIN,
)

if TYPE_CHECKING:
    from tinysine.evidence import Evidence
    from tinysine.verify.engines import EngineRow


def engines(
    model: options.ModelFile,
    *,
    board: options.BoardName = DEFAULT_BOARD,
    port: options.PortName = None,
    probe: options.Probe = PROBE.start,
    bench: options.BenchPath = BENCH.start,
    timeout: options.Timeout = TIMEOUT.start,
    engine: options.Engines = None,
    optimize: options.Optimize = OPTIMIZE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
    seed: options.Seed = SEED.start,
    inputs: options.Samples = INPUTS.start,
    data: options.DataFile = None,
    tolerance: options.Tolerance = TOLERANCE.start,
    tolerance_abs: options.ToleranceAbs = TOLERANCE_ABS.start,
    json: options.EvidenceFile = None,
) -> None:
    """Compare the engines that can run a model.

    Builds, runs and judges each engine as `tinysine verify` does: the generated engine, the other engines that tinysine
    can build, and yours. Each engine is compared with every reference that it can follow. If an engine does not support
    the model, its row says why. The column `ratio` compares each latency with that of the first engine that passed.
    A tolerance does not apply to the generated engine: it must be equal. If the model's input is one value of 8 bits, a
    line shows the size of a table with all answers (`--optimize table`).

    \b
    Examples:
      tinysine engines sine.tflite
      tinysine engines kws.tflite --engine my-engine --json engines.json

    \b
    Exit codes:
      0  at least one engine was judged, and none is wrong
      1  an engine is wrong
      2  usage or bad input, or no engine supports the model, or an engine
         named with --engine does not support it or does not compile
      3  the bench failed, or a tool that builds an engine named with --engine
    """
    from tinysine.codegen import has_few_answers  # noqa: PLC0415
    from tinysine.commands.engines_shown import show_engines  # noqa: PLC0415
    from tinysine.commands.screen import STAGES, Progress, ignore_closed_output  # noqa: PLC0415
    from tinysine.evidence import check_writable, write_document  # noqa: PLC0415
    from tinysine.model import read_model  # noqa: PLC0415
    from tinysine.verify import Question, Watcher, check_question  # noqa: PLC0415
    from tinysine.verify.engines import (  # noqa: PLC0415
        cause_of_rows,
        contestants,
        judge,
        judge_table,
        merged,
        to_table,
    )

    if json is not None:
        check_writable(json, inputs=(model,))
    at_hand = list(contestants(engine or ()))
    question = Question(
        seed=seed, samples=inputs, data=data, tolerance=tolerance, tolerance_abs=tolerance_abs
    )
    check_question(model, question)
    build = options.build_options(optimize=optimize, toolchain=toolchain)
    conductor = choose_conductor(
        board=board,
        port=port,
        probe=probe,
        bench=bench,
        timeout=timeout,
        build=build,
    )
    conductor.require_ready(toolchain=toolchain)
    rows: list[EngineRow] = []
    as_table: EngineRow | None = None

    def asking(step: Callable[[int, str], None], *, own: bool) -> Callable[..., Evidence]:
        def begun(stage: str) -> None:
            step(0, STAGES.get(stage, stage))

        return functools.partial(
            conductor.ask,
            model,
            question=replace(question, tolerance=0, tolerance_abs=0.0) if own else question,
            watcher=Watcher(on_begin=begun),
        )

    try:
        with Progress(lines=True) as progress:
            for contestant in at_hand:
                told = "" if contestant.rounding is None else f" as {contestant.rounding.value}"
                with progress.stage(f"{contestant.name}{told}") as step:
                    rows.append(judge(contestant, asking(step, own=contestant.engine is None), build))
            if optimize != "table" and has_few_answers(read_model(model)):
                with progress.stage("table of all answers") as step:
                    as_table = judge_table(asking(step, own=True), build)
    finally:  # what was found out is shown, whatever ended it
        rows = merged(rows)
        if json != Path("-"):
            with ignore_closed_output():
                show_engines(rows, title=f"{model} on {conductor.board.name}", as_table=as_table)
    if json is not None:
        write_document(
            to_table(rows, model_file=str(model), board=conductor.board.name, as_table=as_table), json
        )
    raise typer.Exit(cause_of_rows([*rows, *([] if as_table is None else [as_table])]).exit_code)
