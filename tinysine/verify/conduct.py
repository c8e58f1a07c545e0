"""From a model file to evidence: build, open the rig, ask the references, examine the board, judge."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from tinysine.boards import Board
from tinysine.emulation import require_stand_in
from tinysine.errors import (
    BAD_INPUT,
    ModelError,
    cause_of,
)
from tinysine.evidence import BoardFacts, Ends, Evidence, Provenance, Run, utc_now
from tinysine.graph import read_judged
from tinysine.image import DEFAULTS, BuildOptions, require_compiler
from tinysine.image.engines import GENERATED
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model
from tinysine.oracles import available_oracles
from tinysine.place import NEW_TWIN, NewTwin, Place, WantedPlace
from tinysine.quantization import Rounding
from tinysine.rigs import Flashing, Rig, await_port, open_rig
from tinysine.settings import CONNECT_TIMEOUT_S, Firmware, no_port_for_foreign
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import Values
from tinysine.verdicts import Verdict, choose_reference, judge_overall
from tinysine.verify.asked import refuse_not_finite
from tinysine.verify.builds import Builds, make_builds
from tinysine.verify.examine import examine
from tinysine.verify.layers_of_run import layers_of_run, refuse_layers_of_others
from tinysine.verify.model_file import require_unchanged
from tinysine.verify.others import Before, refuse_company
from tinysine.verify.paced import answers_in_parts
from tinysine.verify.question import Question, Watcher, shown_as

USUAL, NOBODY = Question(), Watcher()

T = TypeVar("T")


def verify(
    model_path: str | os.PathLike[str],
    *,
    board: Board,
    place: Place = NEW_TWIN,
    options: BuildOptions = DEFAULTS,
    question: Question = USUAL,
    firmware: Firmware = "own",
    flash: Flashing = "auto",
    timeout_s: float = CONNECT_TIMEOUT_S,
    out_dir: Path | None = None,
    shown_folder: Path | None = None,
    watcher: Watcher = NOBODY,
) -> Evidence:
    """Build a model's firmware, put it on a board, and hold everything it answers against the references.

    Args:
        model_path: a .tflite file.
        board: of the catalogue.
        place: where it is; by default its twin is started, and ended afterwards.
        options: how the firmware is built; of foreign firmware only the reference counts that it has to equal.
        question: what the device is asked, and what is allowed of it.
        firmware: "own" builds and flashes it; "foreign" takes what runs at the port, which must prove the model and the
            reference: nothing is built or flashed, and what it does not offer is absent from the evidence.
        flash: "auto" flashes unless real hardware proves to run this very build already; "never" only checks, and
            takes an exported sketch, too, that somebody else has compiled.
        timeout_s: how long connecting to the board may take.
        out_dir: keep the image there.
        shown_folder: where the evidence says that the model and the data are, if not where they are now.
        watcher: who is told how far the run is, and given its evidence, whatever ends it.
    Returns:
        Evidence with the verdict "pass" or "fail".
    Raises:
        ConfigError, ModelError: what was asked for cannot be.
        BuildError, BenchError, ProtocolError, DeviceError: the bench failed, and nothing is said about the product.
    """
    if question.layers:
        refuse_layers_of_others(
            firmware, flash
        )  # others may announce theirs, which shows once they are connected
    is_foreign = firmware == "foreign"
    is_ours = not is_foreign and options.engine is None
    run = Run(
        provenance=Provenance(
            model_file=shown_as(model_path, shown_folder),
            model_sha256=None,
            rounding=options.rounding.value,
            firmware=firmware,
            optimize=None if is_foreign else options.optimize,
            prune=options.prune if is_ours else None,
            engine=None if is_foreign else options.engine_name,
            seed=question.seed,
            started_utc=utc_now(),
            finished_utc="",
        ),
        board=board,
        on_begin=watcher.on_begin,
        on_stage=watcher.on_stage,
        on_progress=watcher.on_progress,
        facts=BoardFacts(board.name, "", board.chip, board.clock_hz, place.port),
    )
    try:
        with run.stage("model"):
            model = read_judged(model_path, own=is_ours)
            run.ends = Ends.of(model)
            run.tolerance = question.allowed(model, foreign=not is_ours)
            asked = question.asked(model, shown_folder=shown_folder)
        run.know(model_sha256=model.sha256, data=asked and asked.facts)
        if not is_foreign:
            require_tools(board, place, toolchain=options.toolchain, flash=flash)
        elif isinstance(place, NewTwin):
            raise no_port_for_foreign("port")
        if is_foreign or flash != "always":  # a board that is asked first; a flash tool may need no port
            await_port(place, timeout_s=timeout_s)

        def build_it(stop: threading.Event) -> Builds:
            if is_foreign:
                return Builds(firmware=ForeignFirmware(model.sha256, options.rounding))
            return make_builds(
                model,
                model_path,
                board,
                options,
                flash=flash,
                out_dir=out_dir,
                timeout_s=timeout_s,
                on_progress=partial(run.on_progress, "build"),
                stop=stop,
            )

        def choose() -> Values:
            if asked is not None:
                return asked.data.codes
            return sample_inputs(model, seed=question.seed, count=question.samples).codes

        with contextlib.ExitStack() as cleanup:
            builds, rig = _prepare(
                run,
                model,
                cleanup,
                build_it=build_it,
                open_it=lambda: open_rig(board, place, timeout_s=timeout_s),
                choose=choose,
            )
            before = Before.of(rig)
            stats = examine(
                run,
                model,
                builds,
                rig,
                question,
                flash=flash,
                timeout_s=timeout_s,
            )
            if asked is not None:
                run.classes = asked.classes(run)
            asked_already = run.layers is not None
            if (
                question.layers
                and not asked_already
                and builds.image is not None
                and run.outputs
                and run.outputs.checked
            ):
                further = layers_of_run(
                    run, model, builds.image, rig, engine=options.engine, timeout_s=timeout_s
                )
                require_unchanged(model_path, model, options.engine)
                stats = None if stats is None or further is None else stats + further
            verdict = _judged(
                run, latency_required=question.latency_budget is not None, memory_required=not is_foreign
            )
            refuse_company(rig, before, stats, failed=verdict.verdict != "pass")
        evidence = run.evidence(verdict.verdict)
    except BaseException as error:
        if cause_of(error) is not BAD_INPUT:
            watcher.on_evidence(run.evidence("error", error))
        raise
    watcher.on_evidence(evidence)
    return evidence


def _judged(run: Run, *, latency_required: bool, memory_required: bool) -> Verdict:
    """The verdict over everything that was found out; its findings go into the run, the bench's failure last."""
    whole = run.bench_failure is None
    verdict = judge_overall(
        outputs=run.outputs,
        tasks=(run.sine.finding,) if run.sine is not None and run.sine.finding else (),
        latency=run.latency,
        memory=run.memory,
        latency_required=latency_required and whole,
        memory_required=memory_required and whole,
        extra=tuple(run.findings),
    )
    run.findings = [*verdict.findings, *([run.bench_failure] if run.bench_failure else [])]
    return verdict


def require_tools(
    board: Board, place: WantedPlace, *, toolchain: str = "auto", flash: Flashing = "auto"
) -> None:
    """Make sure that a board can be built for, and its twin started, before time is spent on either.

    Args:
        place: where it is, or is looked for.
        toolchain, flash: as for `verify`.
    Raises:
        ConfigError: there is no such twin, QEMU or an emulator is not installed, or a toolchain cannot be meant.
        BuildError: the compiler is not installed.
    """
    if isinstance(place, NewTwin):
        require_stand_in(board)
    if flash != "never":  # an exported sketch was compiled elsewhere
        require_compiler(board, toolchain)


def _prepare(
    run: Run,
    model: Model,
    cleanup: contextlib.ExitStack,
    *,
    build_it: Callable[[threading.Event], Builds],
    open_it: Callable[[], Rig],
    choose: Callable[[], Values],
) -> tuple[Builds, Rig]:
    """Compile, open the rig and ask the oracles, all at the same time: each mostly waits for another process."""
    with (
        ThreadPoolExecutor(max_workers=2, thread_name_prefix="tinysine") as workers,
        _set_on_failure() as stop,
    ):
        building = workers.submit(_timed, lambda: build_it(stop))
        opening = workers.submit(_timed, open_it)
        # However this ends, a twin that was started is ended.
        cleanup.callback(_close_when_open, opening)
        with run.stage("oracles"), _named(run.provenance.model_file):
            run.inputs = choose()
            refusals: dict[str, str] = {}
            oracles = available_oracles(
                model,
                needed=Rounding(run.provenance.rounding),
                of_devices=run.provenance.engine != GENERATED,
                on_refusal=lambda name, refusal: refusals.update({name: refusal.message}),
            )
            run.know(
                oracles={oracle.name: {"version": oracle.version, **oracle.detail} for oracle in oracles},
                refusals=refusals,
            )
            told = partial(run.on_progress, "oracles")
            run.answers = {
                oracle.name: answers_in_parts(oracle, run.inputs, told, sampled=run.provenance.data is None)
                for oracle in oracles
            }
            reference = choose_reference(tuple(run.answers), Rounding(run.provenance.rounding))
            refuse_not_finite(run.answers[reference], run.inputs)
        run.on_begin("build")
        builds, seconds = building.result()
        run.stages_s["build"] = seconds
        run.on_stage("build", seconds)
        if builds.image is not None:
            run.know_image(builds.image)
        run.on_begin("board")
        rig, seconds = opening.result()
        run.stages_s["board"] = seconds
        run.on_stage("board", seconds)
        run.facts = replace(run.facts, kind=rig.kind, proof=rig.proof, port=rig.port)
    return builds, rig


@contextlib.contextmanager
def _set_on_failure() -> Iterator[threading.Event]:
    """An event that an error or an interrupt sets: nobody waits for a compiler then, which may hang."""
    event = threading.Event()
    try:
        yield event
    except BaseException:
        event.set()
        raise


@contextlib.contextmanager
def _named(model_file: str) -> Iterator[None]:
    """Say which file it was that a reference refused: oracles are given a model, not its path."""
    try:
        yield
    except ModelError as error:
        facts = {"file": model_file, **error.facts}
        raise ModelError(f"{model_file}: {error.message}", hint=error.hint, **facts) from error


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = action()
    return result, time.perf_counter() - began


def _close_when_open(opening: Future[tuple[Rig, float]]) -> None:
    if not opening.cancel() and opening.exception() is None:
        opening.result()[0].close()
