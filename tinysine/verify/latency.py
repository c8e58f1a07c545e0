"""Timed inferences of a device, judged."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from tinysine.errors import DeviceError
from tinysine.image import Image
from tinysine.link import Counter, Status
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs import UNPROVED_UNIT, Build
from tinysine.tensor_values import Values, bytes_of, inferences_of, rows_of
from tinysine.verdicts import (
    Finding,
    LatencyVerdict,
    Proof,
    Stage,
    judge_latency,
    judge_noisy_latency,
    wrong_rows,
)
from tinysine.verify.lies import (
    TimedInput,
    contradicts_trace,
    faster_than_possible,
    lie_about_latency,
    measured_for_nothing,
)
from tinysine.verify.witness import least_cycles, trace_inference, watched

if TYPE_CHECKING:
    from tinysine.device import Device, Timing
    from tinysine.emulation import Inference
    from tinysine.rigs import Rig

TIMED_INPUTS = 8
REPETITIONS = 3
TRACED_INPUTS = 2  # the cost of one hardly depends on the input, and a large model takes long to trace
# Of a noisy clock, each round with a measurement of the overhead of its own.
NOISY_ROUNDS = 5
NOISY_REPETITIONS = 9
# The oscillator on a chip may be some percent off; a computer has one clock.
CLOCK_TOLERANCE = 1.1
# A device in virtual time counts what passes there.
OWN_TIME = "its time may be virtual, so that they may be more than has passed on this computer's clock"
ANSWERS_OTHERWISE = "between timed inferences the engine answers otherwise than before, to the same inputs"


def time_inferences(
    device: Device,
    rig: Rig,
    inputs: Values,
    *,
    answers: Values | None,
    image: Build,
    seed: int,
    budget: int | None = None,
) -> LatencyVerdict | None:
    """Time some of the inputs, as `measure_latency` does; None where the board has no counter, or does not offer it.

    Args:
        inputs: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        answers: [n, output.count], what the device answered to them, a tuple of these for several outputs; None: it
            may answer anything.
        seed: chooses those that are timed.
        image, budget: as for `measure_latency`.
    Raises:
        as `measure_latency`.
    """
    chosen = sorted(np.random.default_rng(seed).permutation(inferences_of(inputs))[:TIMED_INPUTS])
    timed, answered = rows_of(inputs, chosen), None if answers is None else rows_of(answers, chosen)
    try:
        return measure_latency(device, rig, timed, answers=answered, image=image, budget=budget)
    except DeviceError as error:
        if error.facts.get("status") == Status.UNSUPPORTED and device.identity.counter is Counter.NONE:
            return None
        raise


def measure_latency(
    device: Device,
    rig: Rig,
    inputs: Values,
    *,
    image: Build,
    answers: Values | None = None,
    budget: int | None = None,
) -> LatencyVerdict:
    """Time single inferences, judge the counts, and hold them against what an emulator counts.

    Args:
        device: with a counter.
        rig: what the device is; a twin may know how its counts become instructions, and may see them executed.
        inputs: [n, input.count] in the model's input dtype, a tuple of these for several inputs: each is timed several
            times.
        image: what the device runs. Where no twin sees it run, an emulated core runs it as well.
        answers: what the device answered to these inputs before: it must not answer otherwise now. None: not held.
        budget: the most that one inference may cost, in the unit that the board counts in.
    Raises:
        DeviceError: refused; UNSUPPORTED where the board has no counter.
        BenchError, ProtocolError: the link failed.
    """
    noisy = device.identity.counter is Counter.HOST_NS
    rounds, repetitions = (NOISY_ROUNDS, NOISY_REPETITIONS) if noisy else (1, REPETITIONS)
    timings: list[list[Timing]] = []
    seen: list[tuple[bytes, tuple[Inference, ...], tuple[Inference, ...]]] = []
    otherwise = False
    with watched(rig, device, image) as emulator:
        for number in range(inferences_of(inputs)):
            codes = rows_of(inputs, number)
            if emulator is not None:
                answered = device.infer(rows_of(inputs, [number]))
                answer = b"".join(bytes_of(answered, 0))
                otherwise |= answers is not None and bool(
                    wrong_rows(answered, rows_of(answers, [number])).any()
                )
                asked = tuple(emulator.seen())
            row = [device.time(codes, repetitions=repetitions) for _ in range(rounds)]
            timings.append([rig.counted(timing) for timing in row])
            if emulator is not None:
                seen.append((answer, asked, tuple(emulator.seen())))
    verdict = _judged(timings, noisy=noisy, limited=rig.kind == "hardware", budget=budget)
    if verdict.unit == UNPROVED_UNIT:
        return _unproved(verdict, rig.port)
    if verdict.overhead is None:
        return verdict
    if seen:
        rows = [
            TimedInput(b"".join(bytes_of(inputs, number)), answer, net, asked, timed)
            for number, (net, (answer, asked, timed)) in enumerate(zip(verdict.counts, seen, strict=True))
        ]
        verdict = replace(verdict, estimated_cycles=_estimated_cycles(rows))
        lie = (
            (Finding(Stage.ENGINE, ANSWERS_OTHERWISE) if otherwise else None)
            or lie_about_latency(rows, verdict.unit)
            or measured_for_nothing(verdict.overhead, verdict.unit)
        )
        return _with_proof(verdict, lie, Proof.EMULATOR)
    if noisy:
        return replace(verdict, proof=Proof.CLOCK)
    return _held_against_traces(verdict, image, device, inputs)


def _with_proof(verdict: LatencyVerdict, lie: Finding | None, proof: Proof) -> LatencyVerdict:
    """The verdict, failed by a lie; figures that were not believable in the first place stay so."""
    if lie is None:
        return replace(verdict, proof=proof)
    return replace(verdict, finding=lie, proof=proof)


def _estimated_cycles(rows: list[TimedInput]) -> float | None:
    """The median of what the emulator estimates for each input; None where it does not."""
    estimates = [seen.estimated_cycles for row in rows for seen in row.asked if seen.input == row.input]
    known = [estimate for estimate in estimates if estimate is not None]
    return float(statistics.median(known)) if known and len(known) == len(estimates) else None


def _held_against_traces(
    verdict: LatencyVerdict,
    image: Build,
    device: Device,
    inputs: Values,
) -> LatencyVerdict:
    """The counts held against the same inferences on an emulated core: exactly, or as a lower bound of cycles."""
    exact, proof = verdict.unit == "instructions", Proof.DEVICE
    if isinstance(image, ForeignFirmware) and exact:
        return replace(verdict, note="; ".join(filter(None, (verdict.note, OWN_TIME))))
    if not isinstance(image, Image) or (not exact and verdict.unit != "cycles"):
        return verdict
    for number, net in enumerate(verdict.counts[:TRACED_INPUTS]):
        trace = trace_inference(image, device, bytes_of(inputs, number))
        if trace is None:
            return verdict
        if exact:
            proof = Proof.TRACE
            lie = contradicts_trace(net, trace, verdict.unit) or measured_for_nothing(
                verdict.overhead, verdict.unit
            )
        else:
            floor = least_cycles(trace, core=image.board.core)
            proof, lie = Proof.BOUND, faster_than_possible(net, floor, verdict.unit)
        if lie is not None:
            return _with_proof(verdict, lie, proof)
    return replace(verdict, proof=proof)


def _judged(timings: list[list[Timing]], *, noisy: bool, limited: bool, budget: int | None) -> LatencyVerdict:
    flat = [timing for row in timings for timing in row]
    if not flat:
        return judge_latency([], overhead=0, unit="", budget=budget)
    counts = [[int(count) for timing in row for count in timing.counts] for row in timings]
    overheads, unit = [timing.overhead for timing in flat], flat[0].unit
    at_most = _at_most(flat) if noisy or limited else None
    if noisy:
        return judge_noisy_latency(counts, overheads=overheads, unit=unit, budget=budget, at_most=at_most)
    # Only the lowest overhead is certain to be contained in all counts.
    return judge_latency(
        counts,
        overhead=min(overheads),
        unit=unit,
        budget=budget,
        exact=unit == "instructions",
        at_most=at_most,
    )


def _unproved(verdict: LatencyVerdict, port: str) -> LatencyVerdict:
    """Figures of a counter that nobody knows: they are no cycles, and no limit can be held against them."""
    unknown = f"nothing proves what is behind {port}"
    note = f"{unknown}, so that these are neither cycles nor instructions; {OWN_TIME}"
    finding = verdict.finding
    if verdict.budget is not None:
        reason = f"a limit of {verdict.budget:,} was given, and {unknown}; name its unique_id in a bench file"
        finding = Finding(Stage.LATENCY, reason)
    return replace(verdict, note=note, finding=finding)


def _at_most(timings: list[Timing]) -> float | None:
    """Counts that can have passed while the answers were waited for: a counter that counts this computer's time."""
    total = 0.0
    for timing in timings:
        if timing.clock_hz is None or timing.waited_s is None:
            return None
        total += CLOCK_TOLERANCE * timing.waited_s * timing.clock_hz
    return total
