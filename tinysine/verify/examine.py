"""Everything that is asked of a board: what it runs, what it answers, what it costs, and whether it is well."""

from __future__ import annotations

import contextlib
from functools import partial

from msgspec.structs import replace

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    DeviceError,
    IdentityMismatch,
    LinkTimeout,
    PortUnavailable,
    ProtocolError,
)
from tinysine.evidence import Run, fault_record, identity_record, link_record
from tinysine.graph import DenseChain
from tinysine.image import Image
from tinysine.link import Capability, FaultRecord, LinkStats
from tinysine.link.asking import inferences_not_ended
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model, names_of
from tinysine.rigs import Build, Flashing, Rig
from tinysine.tasks import budget_of, judge_sine, sine_likeness
from tinysine.tensor_values import Values, inferences_of
from tinysine.verdicts import EQUAL, Finding, Proof, Stage, judge_every_output
from tinysine.verify.announced import Announced
from tinysine.verify.announced_others import ask_others
from tinysine.verify.builds import Builds, install
from tinysine.verify.contradictions import contradiction, is_ours, refuse_miscount
from tinysine.verify.crash import ERRORS, Crash, crash_behind, fault_since
from tinysine.verify.latency import time_inferences
from tinysine.verify.layers_of_run import announces_layers, ask_announced
from tinysine.verify.lies import lie_about_image, lies_about_answers, lies_about_life, resets_between
from tinysine.verify.memory import measure_memory
from tinysine.verify.paced import Countdown
from tinysine.verify.question import Question
from tinysine.verify.reruns import ask_again, ask_last, rerun
from tinysine.verify.soak_board import soak_board
from tinysine.verify.witness import Sight, look


def examine(
    run: Run,
    model: Model,
    builds: Builds,
    rig: Rig,
    question: Question,
    *,
    flash: Flashing,
    timeout_s: float,
) -> LinkStats | None:
    """Ask the board everything; what is found out goes into `run`.

    Args:
        run: has the inputs and the references' answers.
        question: of `verify`; layers are asked where the device announces them.
        flash: see `verify`.
        timeout_s: how long connecting may take.
    Returns:
        what the link went through; None where the firmware crashed before it answered, or was not asked.
    Raises:
        BenchError, ProtocolError, IdentityMismatch: the bench failed. A crash or a refusal of the firmware is a
            finding instead; so is a bench that fails after an answer was wrong.
    """
    try:
        refuse_miscount(builds.image, model)
        installation = install(run, rig, builds, flash=flash, timeout_s=timeout_s)
    except (LinkTimeout, PortUnavailable, ProtocolError, DeviceError) as error:
        if not _blame_crash(run, crash_behind(error, rig)):
            raise
        return None
    run.facts = replace(run.facts, kind=rig.kind, proof=rig.proof)
    with contextlib.closing(installation):
        device, image = installation.device, installation.firmware
        run.know(device=identity_record(device.identity))
        if wrong := contradiction(device.identity, model, image):
            _blame(run, wrong)
            return device.stats
        shows_layers = question.layers and announces_layers(device, image)
        earlier: FaultRecord | None = None
        before: Sight | None = None
        try:
            before = look(rig)
            # A board that was there before may have an old record; on a fresh twin it can only be this firmware's.
            announced = Announced(run, device, image)
            earlier = None if rig.fresh else announced.ask(Capability.FAULT, device.last_fault)
            _ask(run, model, announced, question, rig=rig)
            if isinstance(image, ForeignFirmware):
                ask_others(run, announced, seed=question.seed)
            if shows_layers and run.outputs is not None and run.outputs.checked:
                ask_announced(run, model, device, image)
            # Each part ends with the proof that it was this build which was asked.
            device.identify()
            if question.soak:
                before = None  # it orders resets
                with run.stage("soak"):
                    soak_board(
                        run,
                        installation,
                        announced,
                        names=names_of(model.outputs),
                        count=question.soak,
                        seed=question.seed,
                    )
                    device.identify()
            _ask_last(run, device, seed=question.seed)
            _look_for_faults(run, rig, announced, earlier)
            device.identify()
        except IdentityMismatch:
            raise
        except ERRORS as error:
            crash = crash_behind(error, rig, device=device, image=image, earlier=earlier, before=before)
            if not _blame_crash(run, crash):
                if not run.is_wrong():
                    raise
                run.cut_short(error)
        finally:
            run.know(link=link_record(device))
            if isinstance(image, ForeignFirmware):
                run.know(not_proved=_not_proved(run, device.capabilities))
        return device.stats


def _not_proved(run: Run, announced: Capability) -> tuple[str, ...]:
    """Return the points that foreign firmware leaves open: its build is not known, and it need not measure."""
    not_asked = ("RESET (announced, not asked)",) if Capability.RESET in announced else ()
    in_own_time = (
        run.latency is not None and run.latency.proof is Proof.DEVICE and run.facts.kind != "hardware"
    )
    counted = ("time behind its counts",) if in_own_time else ()
    figures = {
        "latency": run.latency is not None,
        "memory": run.memory is not None,
        "requests answered": run.provenance.device is not None and run.provenance.device.counters is not None,
    }
    soaked = ("resets",) if run.soak is not None else ()  # a board of others is asked, never reset
    untold = (name for name, told in figures.items() if not told)
    return ("build", "board", *soaked, *not_asked, *counted, *untold)


def _ask(
    run: Run,
    model: Model,
    announced: Announced,
    question: Question,
    *,
    rig: Rig,
) -> None:
    assert run.inputs is not None
    inputs = run.inputs
    device, image = announced.device, announced.image
    before = look(rig)
    if before is not None and isinstance(image, Image) and before.image_sha256 != image.sha256:
        _blame(run, lie_about_image(image.sha256, before.image_sha256))
    answered_before = announced.ask(Capability.COUNTERS, device.counters)
    asked_before, retries_before = device.stats.requests, device.stats.retries
    with run.stage("outputs"):
        run.device_answers = _inferred(run, device, rig, before)
        _judge_answers(run, model, image)
        answers = run.device_answers
        right = None if run.outputs is None or run.outputs.finding else answers
        wrong = "" if right is None else ask_again(device, run.inputs, right, seed=question.seed)
        # Of wrong answers, too, it may be the cause.
        if not wrong and not is_ours(image) and inferences_of(answers) == inferences_of(run.inputs):
            again = announced.ask(
                Capability.PARTS, lambda: rerun(device, inputs, answers, seed=question.seed)
            )
            wrong = again or ""
        if wrong:
            run.findings.append(Finding(Stage.ENGINE, wrong))
    with run.stage("latency"):
        run.latency = announced.ask(
            Capability.TIME,
            lambda: time_inferences(
                device,
                rig,
                inputs,
                answers=right,
                image=image,
                seed=question.seed,
                budget=question.latency_budget,
            ),
        )
    with run.stage("memory"):
        run.memory = announced.ask(Capability.MEMORY, lambda: measure_memory(run.board, image, rig, device))
    with run.stage("health"):
        counters = announced.ask(Capability.COUNTERS, device.counters)
        after = look(rig)
        if counters is None or answered_before is None:
            return
        if lie := lies_about_answers(
            answered=counters.answered - answered_before.answered,
            requests=device.stats.requests - asked_before,
            retries=device.stats.retries - retries_before,
            resets=resets_between(before, after),
        ):
            _blame(run, lie)
        fault = announced.ask(Capability.FAULT, device.last_fault)
        for reason in lies_about_life(before, after, inferences=inferences_of(run.inputs), fault=fault):
            _blame(run, reason)
        run.know(device=run.provenance.device and replace(run.provenance.device, counters=counters))


def _ask_last(run: Run, device: Device, *, seed: int) -> None:
    """Hold some answers after everything else against the first ones, where nothing was found so far."""
    if run.inputs is None or run.device_answers is None or run.outputs is None or run.outputs.finding:
        return
    if any(finding.stage is Stage.ENGINE for finding in run.findings):
        return
    if wrong := ask_last(device, run.inputs, run.device_answers, seed=seed):
        run.findings.append(Finding(Stage.ENGINE, wrong))


def _inferred(run: Run, device: Device, rig: Rig, before: Sight | None) -> Values:
    """The answers to all inputs; an engine that hangs is told with the inference, where a twin sees which."""
    assert run.inputs is not None
    try:
        told = Countdown(
            inferences_of(run.inputs),
            partial(run.on_progress, "outputs"),
            sampled=run.provenance.data is None,
        )
        return device.infer(run.inputs, on_progress=told)
    except LinkTimeout as error:
        asked, number = error.facts.get("inferences"), _entered_last(rig, before)
        if number is None or not isinstance(asked, tuple) or not asked[0] <= number <= asked[1]:
            raise
        raise inferences_not_ended(error, (number, number), inferences_of(run.inputs)) from error


def _entered_last(rig: Rig, before: Sight | None) -> int | None:
    """The number of the last inference, from 0, that a twin has seen begin since then; None where it does not see."""
    try:
        now = look(rig)
    except BenchError:
        return None
    if now is None or now.inferences is None or before is None or before.inferences is None:
        return None
    return now.inferences - before.inferences - 1


def _judge_answers(run: Run, model: Model, image: Build) -> None:
    assert run.inputs is not None
    assert run.device_answers is not None
    run.outputs = judge_every_output(
        model.outputs,
        inputs=run.inputs,
        device=run.device_answers,
        answers=run.answers,
        rounding=image.rounding,
        data=run.provenance.data.file if run.provenance.data else "",
        tolerance=run.tolerance,
    )
    if run.tolerance != EQUAL:
        return  # the sine's judge allows not one step more than the reference's own error
    reference = run.answers[run.outputs.reference]
    run.likeness = sine_likeness(model, run.inputs, reference)
    run.sine = judge_sine(model, inputs=run.inputs, device=run.device_answers, reference=reference)
    if isinstance(model, DenseChain) and run.sine is not None and run.sine.mae is not None:
        run.budget = budget_of(
            model,
            inputs=run.inputs,
            device=run.device_answers,
            reference=reference,
            exhaustive=run.outputs.exhaustive,
        ).largest()


def _look_for_faults(run: Run, rig: Rig, announced: Announced, earlier: FaultRecord | None) -> None:
    """Blame the firmware for a fault that came onto the device's record, or stopped the emulator, during this run."""
    if report := rig.report():
        _blame(run, report)
        return
    # The record may be empty, which is another thing than none to be had.
    asked = announced.ask(Capability.FAULT, lambda: (announced.device.last_fault(),))
    if asked is None:
        return
    (last,) = asked
    powered_off = run.soak is not None and run.soak.resets > 0
    if reason := fault_since(earlier, last, powered_off=powered_off):
        _blame_crash(run, Crash((reason,), last))


def _blame_crash(run: Run, crash: Crash) -> bool:
    """Put a crash into the run; returns whether there was one."""
    if crash.fault is not None:
        run.fault = fault_record(crash.fault)
    for reason in crash.reasons:
        _blame(run, reason)
    return bool(crash)


def _blame(run: Run, reason: str) -> None:
    run.findings.append(Finding(Stage.FIRMWARE, reason))
