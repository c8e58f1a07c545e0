"""The one conductor: model -> image -> board -> answers -> verdicts -> evidence."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.errors import (
    EXIT_USAGE,
    BenchError,
    DeviceError,
    FlashError,
    IdentityMismatch,
    LinkTimeout,
    PortUnavailable,
    ProtocolError,
    TinysineError,
)
from tinysine.evidence import (
    BoardFacts,
    Evidence,
    Provenance,
    Run,
    Tool,
    fault_record,
    identity_record,
    link_record,
    utc_now,
)
from tinysine.flashing import Rig, open_rig
from tinysine.image import Image, build_image
from tinysine.link import Status
from tinysine.model import Model, read_model
from tinysine.oracles import available_oracles, sample_inputs
from tinysine.quantization import Rounding
from tinysine.verdicts import (
    Finding,
    LatencyVerdict,
    MemoryVerdict,
    Stage,
    budget_of,
    judge_latency,
    judge_memory,
    judge_outputs,
    judge_overall,
    judge_sine,
    sine_likeness,
)

DEFAULT_SAMPLES = 1000
TIMED_INPUTS = 8
REPETITIONS = 3
PROBE_TIMEOUT_S = 2.5

T = TypeVar("T")
Flashing = Literal["auto", "always", "never"]


def verify(
    model_path: str | os.PathLike[str],
    *,
    board: Board,
    port: str | None = None,
    rounding: Rounding = Rounding.LITERT,
    optimize: Literal["speed", "size"] = "speed",
    prune: bool = False,
    toolchain: str = "auto",
    seed: int = 0,
    samples: int = DEFAULT_SAMPLES,
    latency_budget: int | None = None,
    flash: Flashing = "auto",
    out_dir: Path | None = None,
    called: str = "",
    on_evidence: Callable[[Evidence], None] | None = None,
    on_begin: Callable[[str], None] | None = None,
    on_stage: Callable[[str, float], None] | None = None,
) -> Evidence:
    """Build a model's firmware, put it on a board, and hold everything it answers against the references.

    Args:
        model_path: a .tflite file.
        board: of the catalogue.
        port: of a board that is there; without one, the board's twin is started, and ended afterwards.
        rounding: which reference the firmware has to equal.
        optimize, prune, toolchain: of the build.
        seed: chooses the sampled inputs of a model that cannot be checked exhaustively, and the timed ones.
        samples: how many inputs then, corners included.
        latency_budget: the most that one inference may cost, in the unit that the board counts in.
        flash: "auto" flashes unless real hardware proves to run this very build already; "never" only checks.
        out_dir: keep the image there.
        called: what the evidence calls the model file, if not by its path.
        on_evidence: called with the evidence when the run ends; also when an error of the bench ends it, with
            the verdict "error", so that nothing is lost; not after a usage error.
        on_begin: called with a stage's name as it begins.
        on_stage: called with its name and seconds as it ends.
    Returns:
        Evidence with the verdict "pass" or "fail".
    Raises:
        ConfigError, ModelError: what was asked for cannot be.
        BuildError, BenchError, ProtocolError, DeviceError: the bench failed; nothing is said about the
        product.
    """
    run = Run(
        provenance=Provenance(
            model_file=called or os.fspath(model_path),
            model_sha256=None,
            rounding=rounding.value,
            optimize=optimize,
            prune=prune,
            seed=seed,
            started_utc=utc_now(),
            finished_utc="",
        ),
        board=board,
        on_begin=on_begin or (lambda _name: None),
        on_stage=on_stage or (lambda _name, _seconds: None),
        facts=BoardFacts(board.name, "", board.chip, board.clock_hz, port or ""),
    )
    try:
        with run.stage("model"):
            model = read_model(model_path)
        run.know(model_sha256=model.sha256)
        with contextlib.ExitStack() as cleanup:
            image, rig = _prepare(
                run,
                model,
                cleanup,
                port=port,
                seed=seed,
                samples=samples,
                build={
                    "rounding": rounding,
                    "optimize": optimize,
                    "prune": prune,
                    "toolchain": toolchain,
                    "out_dir": out_dir,
                },
            )
            _examine(run, model, image, rig, seed=seed, flash=flash, latency_budget=latency_budget)
        verdict = judge_overall(
            outputs=run.outputs,
            sine=run.sine,
            latency=run.latency,
            memory=run.memory,
            latency_required=latency_budget is not None,
            extra=tuple(run.findings),
        )
        run.findings = list(verdict.findings)
        evidence = run.evidence(verdict.verdict)
    except BaseException as error:
        if on_evidence is not None and getattr(error, "exit_code", None) != EXIT_USAGE:
            on_evidence(run.evidence("error", error))
        raise
    if on_evidence is not None:
        on_evidence(evidence)
    return evidence


def _prepare(
    run: Run,
    model: Model,
    cleanup: contextlib.ExitStack,
    *,
    port: str | None,
    seed: int,
    samples: int,
    build: dict[str, Any],
) -> tuple[Image, Rig]:
    """Compile, open the rig and ask the oracles, all at the same time: each mostly waits for another
    process."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="tinysine") as workers:
        building = workers.submit(_timed, lambda: build_image(model, run.board, **build))
        opening = workers.submit(_timed, lambda: open_rig(run.board, port=port))
        # However this ends, a twin that was started is ended.
        cleanup.callback(_close_when_open, opening)
        with run.stage("oracles"):
            inputs = sample_inputs(model, seed=seed, count=samples)
            oracles = available_oracles(model)
            run.know(oracles=tuple(Tool(oracle.name, oracle.version, oracle.detail) for oracle in oracles))
            run.inputs = inputs.codes
            run.answers = {oracle.name: oracle.run(inputs.codes) for oracle in oracles}
        run.on_begin("build")
        image, seconds = building.result()
        run.stages_s["build"] = seconds
        run.on_stage("build", seconds)
        run.know(
            image_sha256=image.sha256,
            build_id=image.build_id.hex(),
            toolchain=Tool(image.toolchain.name, image.toolchain.version),
        )
        run.on_begin("board")
        rig, seconds = opening.result()
        run.stages_s["board"] = seconds
        run.on_stage("board", seconds)
        run.facts = replace(run.facts, kind=rig.kind, port=rig.port)
    return image, rig


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = action()
    return result, time.perf_counter() - began


def _close_when_open(opening: Future[tuple[Rig, float]]) -> None:
    if not opening.cancel() and opening.exception() is None:
        opening.result()[0].close()


def _examine(
    run: Run,
    model: Model,
    image: Image,
    rig: Rig,
    *,
    seed: int,
    flash: Flashing,
    latency_budget: int | None,
) -> None:
    """Everything that needs the board. A crash of the firmware is a finding; a failure of the bench is
    raised."""
    try:
        device = _running(run, rig, image, flash=flash)
    except (LinkTimeout, PortUnavailable, ProtocolError) as error:
        if not _crashed(run, rig, None, error):
            raise
        return
    with contextlib.closing(device):
        run.know(device=identity_record(device.identity))
        try:
            _question(run, model, image, rig, device, seed=seed, latency_budget=latency_budget)
        except IdentityMismatch:
            raise
        except (BenchError, ProtocolError, DeviceError) as error:
            if not _crashed(run, rig, device, error):
                raise
        finally:
            run.know(link=link_record(device))


def _running(run: Run, rig: Rig, image: Image, *, flash: Flashing) -> Device:
    """A device that has proved to run this very image."""
    silence: TinysineError | None = None
    if flash == "never" or (flash == "auto" and rig.kind == "hardware"):
        with run.stage("identify"):
            device, silence = _recognised(rig, image)
        if device is not None:
            run.know(flashed=False)
            return device
        if flash == "never" and silence is not None:
            raise silence
    with run.stage("flash"):
        try:
            rig.flash(image)
        except FlashError as error:
            if silence is None:
                raise
            # What the board was like is the better story; that it could not be flashed comes with it.
            silence.hint = f"{silence.hint}; and it could not be flashed: {error}".removeprefix("; ")
            raise silence from error
    run.know(flashed=True)
    with run.stage("identify"):
        device = Device.connect(rig.port)
        try:
            device.require(image)
        except BaseException:
            device.close()
            raise
    return device


def _recognised(rig: Rig, image: Image) -> tuple[Device | None, TinysineError | None]:
    try:
        device = Device.connect(rig.port, timeout_s=PROBE_TIMEOUT_S)
    except (LinkTimeout, ProtocolError) as error:
        return None, error
    try:
        device.require(image)
    except IdentityMismatch as error:
        device.close()
        return None, error
    return device, None


def _question(
    run: Run,
    model: Model,
    image: Image,
    rig: Rig,
    device: Device,
    *,
    seed: int,
    latency_budget: int | None,
) -> None:
    assert run.inputs is not None
    earlier = device.last_fault()
    # On real hardware a record may be older than this run; on a twin that was just powered it cannot be.
    faults_before = earlier.count if earlier and rig.kind == "hardware" else 0
    answered_before, asked_before = device.counters().answered, device.stats.requests
    with run.stage("outputs"):
        run.device_answers = device.infer(run.inputs)
        _judge_answers(run, model, image)
    with run.stage("latency"):
        run.latency = _time(run, rig, device, seed=seed, budget=latency_budget)
    with run.stage("memory"):
        run.memory = _memory(run.board, image, device)
    with run.stage("health"):
        counters = device.counters()
        asked = device.stats.requests - asked_before
        if counters.answered - answered_before < asked:
            _blame(
                run, f"the device reset while it was asked: it counts {counters.answered} answers since then"
            )
        last = device.last_fault()
        if last is not None and last.count > faults_before:
            run.fault = fault_record(last)
            _blame(run, f"it faulted: {last}")
        if report := _emulator_report(rig):
            _blame(run, report)
        run.know(device={**(run.provenance.device or {}), "counters": asdict(counters)})


def _judge_answers(run: Run, model: Model, image: Image) -> None:
    assert run.inputs is not None
    assert run.device_answers is not None
    run.outputs = judge_outputs(
        inputs=run.inputs, device=run.device_answers, answers=run.answers, rounding=image.rounding
    )
    reference = run.answers[run.outputs.reference]
    run.likeness = sine_likeness(model, run.inputs, reference)
    run.sine = judge_sine(model, inputs=run.inputs, device=run.device_answers, reference=reference)
    if run.sine is not None and run.sine.mae is not None:
        run.budget = budget_of(
            model,
            inputs=run.inputs,
            device=run.device_answers,
            reference=reference,
            exhaustive=run.outputs.exhaustive,
        ).largest()


def _time(run: Run, rig: Rig, device: Device, *, seed: int, budget: int | None) -> LatencyVerdict | None:
    assert run.inputs is not None
    chosen = np.random.default_rng(seed).permutation(len(run.inputs))[:TIMED_INPUTS]
    rows, overheads, unit = [], [], ""
    try:
        for i in sorted(chosen):
            timing = device.time(run.inputs[i], repetitions=REPETITIONS)
            # The overhead is taken off each row by itself: only the lowest is certain to be contained in all.
            rows.append(timing.counts)
            overheads.append(timing.overhead)
            unit = timing.unit
    except DeviceError as error:
        if error.facts.get("status") == Status.UNSUPPORTED:
            return None
        raise
    # An emulated core's cycle counter counts instructions, and must be called what it is.
    counting = rig.kind in ("emulated", "qemu") and unit == "cycles"
    return judge_latency(
        rows,
        overhead=min(overheads),
        unit="instructions" if counting else unit,
        budget=budget,
        exact=counting,
    )


def _memory(board: Board, image: Image, device: Device) -> MemoryVerdict:
    measured = device.memory()
    return judge_memory(
        arena_planned=image.arena_bytes,
        arena_reported=measured.arena_planned_bytes,
        arena_high_water=measured.arena_used_bytes,
        stack_high_water=measured.stack_used_bytes,
        stack_budget=board.limits.stack_bytes if board.ram else None,
        stack_bound=image.stack_bound_bytes,
        engine_stack=measured.invoke_stack_bytes,
        static_ram=image.sizes.static_ram_bytes,
        static_ram_reported=measured.static_ram_bytes,
        flash=image.sizes.flash_bytes,
        model=image.sizes.model_bytes,
        engine=image.sizes.engine_bytes,
        board_flash=board.flash.length if board.flash else None,
        board_ram=board.ram.length if board.ram else None,
    )


def _crashed(run: Run, rig: Rig, device: Device | None, error: TinysineError) -> bool:
    """Whether the firmware, not the bench, is to blame for an error: it left a fault record, a report, or
    refused."""
    if report := _emulator_report(rig):
        return _blame(run, report)
    if isinstance(error, DeviceError) and not isinstance(error, IdentityMismatch):
        return _blame(run, error.message)
    if device is not None:
        with contextlib.suppress(BenchError, ProtocolError, DeviceError):
            device.resync()
            last = device.last_fault()
            if last is not None:
                run.fault = fault_record(last)
                return _blame(run, f"it faulted: {last}")
    return False


def _blame(run: Run, reason: str) -> bool:
    run.findings.append(Finding(Stage.FIRMWARE, reason))
    return True


def _emulator_report(rig: Rig) -> str:
    emulator = getattr(rig, "emulator", None)
    return (emulator.report() or "") if emulator is not None else ""
