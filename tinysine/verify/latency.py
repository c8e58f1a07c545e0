"""Timed inferences of a device, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from tinysine.link import Counter
from tinysine.verdicts import LatencyVerdict, judge_latency, judge_noisy_latency

if TYPE_CHECKING:
    from tinysine.device import Device, Timing
    from tinysine.flashing import Rig

REPETITIONS = 3
# Of a noisy clock, each round with a measurement of the overhead of its own.
NOISY_ROUNDS = 5
NOISY_REPETITIONS = 9
# The oscillator on a chip may be some percent off; a computer has one clock.
CLOCK_TOLERANCE = 1.1


def measure_latency(
    device: Device, rig: Rig, inputs: NDArray[Any], *, budget: int | None = None
) -> LatencyVerdict:
    """Time single inferences and judge the counts.

    Args:
        device: with a counter.
        rig: what the device is; a twin may know how its counts become instructions.
        inputs: [n, input.count] in the model's input dtype: each is timed several times.
        budget: the most that one inference may cost, in the unit that the board counts in.
    Raises:
        DeviceError: refused; UNSUPPORTED where the board has no counter.
        BenchError, ProtocolError: the link failed.
    """
    noisy = device.identity.counter is Counter.HOST_NS
    rounds, repetitions = (NOISY_ROUNDS, NOISY_REPETITIONS) if noisy else (1, REPETITIONS)
    timings: list[list[Timing]] = []
    for codes in inputs:
        row = [device.time(codes, repetitions=repetitions) for _ in range(rounds)]
        timings.append([t.in_instructions(rig.instruction_hz(t.unit, t.clock_hz)) for t in row])
    flat = [timing for row in timings for timing in row]
    counts = [[count for timing in row for count in timing.counts] for row in timings]
    overheads, unit = [timing.overhead for timing in flat], flat[0].unit
    at_most = _at_most(flat) if noisy or rig.kind == "hardware" else None
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


def _at_most(timings: list[Timing]) -> float | None:
    """Counts that can have passed while the answers were waited for: a counter that counts this computer's time."""
    total = 0.0
    for timing in timings:
        if timing.clock_hz is None or timing.waited_s is None:
            return None
        total += CLOCK_TOLERANCE * timing.waited_s * timing.clock_hz
    return total
