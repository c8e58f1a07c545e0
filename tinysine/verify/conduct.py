"""From a model file to evidence: build, open the rig, ask the references, examine the board, judge."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from tinysine.boards import Board
from tinysine.emulation import require_stand_in
from tinysine.errors import (
    BAD_INPUT,
    BuildError,
    ConfigError,
    ModelError,
    cause_of,
)
from tinysine.evidence import BoardFacts, Evidence, Provenance, Run, Tool, utc_now
from tinysine.graph import Network, read_judged
from tinysine.image import DEFAULTS, BuildOptions, ended_by, foreign_build, require_compiler
from tinysine.image.engines import GENERATED
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model
from tinysine.oracles import available_oracles
from tinysine.place import NEW_TWIN, NewTwin, Place, WantedPlace
from tinysine.quantization import Rounding
from tinysine.rigs import Flashing, Rig, open_rig
from tinysine.settings import CONNECT_TIMEOUT_S, SAMPLED_INPUTS, Firmware, no_port_for_foreign
from tinysine.stimuli import check_count, is_exhaustive, sample_inputs
from tinysine.tensor_values import Values
from tinysine.verdicts import Verdict, choose_reference, judge_overall
from tinysine.verify.arena_search import build_firmware
from tinysine.verify.asked import Asked, refuse_not_finite
from tinysine.verify.builds import Builds
from tinysine.verify.examine import examine
from tinysine.verify.layers_of_run import layers_of_run, refuse_layers_of_others
from tinysine.verify.others import Before, refuse_company
from tinysine.verify.tolerance import checked_tolerance

LEAST_SAMPLES = 64  # fewer show next to nothing; the corners of three inputs alone are 27


T = TypeVar("T")


def verify(
    model_path: str | os.PathLike[str],
    *,
    board: Board,
    place: Place = NEW_TWIN,
    options: BuildOptions = DEFAULTS,
    seed: int = 0,
    samples: int = SAMPLED_INPUTS,
    timeout_s: float = CONNECT_TIMEOUT_S,
    latency_budget: int | None = None,
    soak: int = 0,
    flash: Flashing = "auto",
    firmware: Firmware = "own",
    data: str | os.PathLike[str] | None = None,
    float_model: str | os.PathLike[str] | None = None,
    tolerance: int = 0,
    tolerance_abs: float = 0.0,
    layers: bool = False,
    out_dir: Path | None = None,
    shown_folder: Path | None = None,
    on_evidence: Callable[[Evidence], None] | None = None,
    on_begin: Callable[[str], None] | None = None,
    on_stage: Callable[[str, float], None] | None = None,
    on_progress: Callable[[str, int, int, str], None] | None = None,
) -> Evidence:
    """Build a model's firmware, put it on a board, and hold everything it answers against the references.

    Args:
        model_path: a .tflite file.
        board: of the catalogue.
        place: where it is; by default its twin is started, and ended afterwards.
        options: how the firmware is built; of foreign firmware only the reference counts that it has to equal.
        seed: chooses the sampled inputs of a model that cannot be checked exhaustively, and the timed ones.
        samples: how many inputs then, corners included; at least 64.
        timeout_s: how long connecting to the board may take.
        latency_budget: the most that one inference may cost, in the unit that the board counts in.
        soak: so many further inferences of known answer, over resets of the board.
        flash: "auto" flashes unless real hardware proves to run this very build already; "never" only checks, and
            takes an exported sketch, too, that somebody else has compiled.
        firmware: "own" builds and flashes it; "foreign" takes what runs at the port, which must prove the model and the
            reference: nothing is built or flashed, and what it does not offer is absent from the evidence.
        data: a file with the inputs to ask instead, and labels perhaps; see tinysine.stimuli.read_data.
        float_model: a float32 .tflite file, whose accuracy on labelled data is told beside the others'.
        tolerance: codes by which outputs of engines and firmware of others may differ; 0 demands equality.
        tolerance_abs: by which its float32 outputs may differ; floats that it computes need it.
        layers: hold every layer against the reference, too, by the model cut off behind it; see `verify_layers`.
        out_dir: keep the image there.
        shown_folder: where the evidence says that the model and the data are, if not where they are now.
        on_evidence: called with the evidence when the run ends; also when an error of the bench ends it, with
            the verdict "error", so that nothing is lost; not after a usage error.
        on_begin: called with a stage's name as it begins.
        on_stage: called with its name and seconds as it ends.
        on_progress: called with the name of a long stage, its steps, those that are done, and a note.
    Returns:
        Evidence with the verdict "pass" or "fail".
    Raises:
        ConfigError, ModelError: what was asked for cannot be.
        BuildError, BenchError, ProtocolError, DeviceError: the bench failed, and nothing is said about the product.
    """
    if layers:
        refuse_layers_of_others(
            firmware, flash
        )  # others may announce theirs, which shows once they are connected
    is_foreign = firmware == "foreign"
    is_ours = not is_foreign and options.engine is None
    run = Run(
        provenance=Provenance(
            model_file=_shown(model_path, shown_folder),
            model_sha256=None,
            rounding=options.rounding.value,
            firmware=firmware,
            optimize=None if is_foreign else options.optimize,
            prune=options.prune if is_ours else None,
            engine=None if is_foreign else options.engine_name,
            seed=seed,
            started_utc=utc_now(),
            finished_utc="",
        ),
        board=board,
        on_begin=on_begin or (lambda _name: None),
        on_stage=on_stage or (lambda _name, _seconds: None),
        on_progress=on_progress or (lambda _name, _steps, _done, _note: None),
        facts=BoardFacts(board.name, "", board.chip, board.clock_hz, place.port),
    )
    try:
        with run.stage("model"):
            model = read_judged(model_path, own=is_ours)
            run.tolerance = checked_tolerance(
                model, foreign=not is_ours, codes=tolerance, absolute=tolerance_abs
            )
            asked = _asked(model, data, float_model, shown_folder)
            if asked is None:
                _check_samples(model, samples)
        run.know(model_sha256=model.sha256, data=asked and asked.facts)
        if not is_foreign:
            require_tools(board, place, toolchain=options.toolchain, flash=flash)
        elif isinstance(place, NewTwin):
            raise no_port_for_foreign("port")

        def build_it(stop: threading.Event) -> Builds:
            if is_foreign:
                return Builds(firmware=ForeignFirmware(model.sha256, options.rounding))
            return _build(model, board, options, flash=flash, out_dir=out_dir, timeout_s=timeout_s, stop=stop)

        def choose() -> Values:
            return sample_inputs(model, seed=seed, count=samples).codes if asked is None else asked.data.codes

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
                seed=seed,
                flash=flash,
                latency_budget=latency_budget,
                soak_count=soak,
                layers=layers,
                timeout_s=timeout_s,
            )
            if asked is not None:
                run.classes = asked.classes(run)
            asked_already = run.layers is not None
            if (
                layers
                and not asked_already
                and builds.image is not None
                and run.outputs
                and run.outputs.checked
            ):
                further = layers_of_run(
                    run, model, builds.image, rig, engine=options.engine, timeout_s=timeout_s
                )
                stats = None if stats is None or further is None else stats + further
            verdict = _judged(
                run, latency_required=latency_budget is not None, memory_required=not is_foreign
            )
            refuse_company(rig, before, stats, failed=verdict.verdict != "pass")
        evidence = run.evidence(verdict.verdict)
    except BaseException as error:
        if on_evidence is not None and cause_of(error) is not BAD_INPUT:
            on_evidence(run.evidence("error", error))
        raise
    if on_evidence is not None:
        on_evidence(evidence)
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


def check_question(
    model_path: str | os.PathLike[str],
    *,
    samples: int = SAMPLED_INPUTS,
    data: str | os.PathLike[str] | None = None,
    tolerance: int = 0,
    tolerance_abs: float = 0.0,
) -> None:
    """Make sure that a model can be asked as `verify` would ask it, whatever engine is to answer.

    Args:
        model_path, samples, data, tolerance, tolerance_abs: as for `verify`.
    Raises:
        ConfigError, ModelError: it cannot.
    """
    model = read_judged(model_path, own=False)
    checked_tolerance(model, foreign=True, codes=tolerance, absolute=tolerance_abs)
    if _asked(model, data, None) is None:
        _check_samples(model, samples)


def _shown(path: str | os.PathLike[str], folder: Path | None) -> str:
    return os.fspath(path if folder is None else folder / Path(path).name)


def _asked(
    model: Model,
    data: str | os.PathLike[str] | None,
    float_model: str | os.PathLike[str] | None,
    shown_folder: Path | None = None,
) -> Asked | None:
    """What the user brings to be asked; None where the harness chooses."""
    if data is not None:
        return Asked.read(model, data, float_model, shown=_shown(data, shown_folder))
    if float_model is not None:
        raise ConfigError(
            "a float model is told apart by its accuracy, and there is no labelled data",
            hint="--data FILE with labels",
            key="float",
        )
    return None


def _check_samples(model: Model, samples: int) -> None:
    check_count(model, samples)
    if samples < LEAST_SAMPLES and not is_exhaustive(model, samples):
        bits = 8 * sum(tensor.nbytes for tensor in model.inputs)
        raise ConfigError(
            f"{samples} of 2^{bits:,} inputs {'is' if samples == 1 else 'are'} too few for a verdict on this model",
            hint=f"--inputs {LEAST_SAMPLES}, or more",
            key="inputs",
        )


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
            run.answers = {oracle.name: oracle.run(run.inputs) for oracle in oracles}
            reference = choose_reference(tuple(run.answers), Rounding(run.provenance.rounding))
            refuse_not_finite(run.answers[reference], run.inputs)
        run.on_begin("build")
        builds, seconds = building.result()
        run.stages_s["build"] = seconds
        run.on_stage("build", seconds)
        if builds.image is not None:
            run.know(
                image_sha256=builds.image.sha256,
                build_id=builds.image.build_id.hex(),
                toolchain=Tool(builds.image.toolchain.name, builds.image.toolchain.version),
            )
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


def _build(
    model: Model,
    board: Board,
    options: BuildOptions,
    *,
    flash: Flashing,
    out_dir: Path | None,
    timeout_s: float,
    stop: threading.Event,
) -> Builds:
    """The image; where nothing is to be flashed, an exported sketch will do as well, and needs no compiler here.

    Args:
        stop: ends the compiler when it is set.
    """
    foreign = None
    if flash == "never" and options.engine is None and isinstance(model, Network):
        foreign = foreign_build(
            model, board, rounding=options.rounding, optimize=options.optimize, prune=options.prune
        )
    try:
        with ended_by(stop):
            return Builds(
                build_firmware(model, board, options, out_dir=out_dir, timeout_s=timeout_s), foreign
            )
    except (BuildError, ConfigError) as error:
        if foreign is None:
            raise
        return Builds(None, foreign, error)


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
