"""Latency by a clock that is noisy, such as a computer's own: robust statistics, and no failure from noise alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.verdicts.latency import STUCK, LatencyVerdict
from tinysine.verdicts.stages import Finding, Stage

# Three standard deviations of a normal distribution, in median absolute deviations.
NOISE_MADS = 3 * 1.4826


def judge_noisy_latency(
    counts: Sequence[Sequence[int] | NDArray[Any]],
    *,
    overheads: Sequence[int],
    unit: str,
    budget: int | None = None,
    at_most: float | None = None,
) -> LatencyVerdict:
    """Judge the repetitions of a few inputs that were timed by a noisy clock.

    The figure of an input is the median of its counts without the median overhead; its noise is three robust
    standard deviations of both (median absolute deviation). A figure that is not above its noise is absent.

    Args:
        counts: for each timed input, its raw counts [repetitions], overhead included.
        overheads: counts of empty measurements; one or more.
        unit: of the counts.
        budget: the most one inference may cost, in the same unit. Exceeded only if the slowest input's figure
            exceeds it by more than its noise.
        at_most: counts that cannot have passed while the device was waited for; None where nobody can tell.
    Returns:
        The verdict. It fails without any count, for counts that are stuck at their end, for more of them than
        time allows, and over budget. A count at or below the overhead is noise.
    """
    overhead = round(float(np.median(overheads))) if len(overheads) else 0
    net = tuple(tuple(int(c) - overhead for c in row) for row in counts)
    flat = np.array([c for row in counts for c in row], np.int64)
    reason = ""
    if flat.size == 0 or not len(overheads):
        reason = "no repetition was timed"
    elif flat.max() >= STUCK:
        reason = f"the counter is stuck at its end: {int(flat.max())} {unit}"
    elif at_most is not None and flat.sum() > at_most:
        reason = f"the counter counted {int(flat.sum()):,} {unit} while {at_most:,.0f} can have passed"
    if reason:
        finding = Finding(Stage.LATENCY, reason)
        return LatencyVerdict(False, unit, None, None, None, None, net, overhead, budget, "", finding)
    base = _deviation(np.asarray(overheads))
    figures = [
        (float(np.median(row)), NOISE_MADS * float(np.hypot(_deviation(np.asarray(row)), base)))
        for row in net
    ]
    return _verdict(figures, net=net, overhead=overhead, unit=unit, budget=budget)


def _deviation(values: NDArray[Any]) -> float:
    """The median absolute deviation; at least half a count, which is how finely the clock counts."""
    return max(float(np.median(np.abs(values - np.median(values)))), 0.5)


def _verdict(
    figures: list[tuple[float, float]],
    *,
    net: tuple[tuple[int, ...], ...],
    overhead: int,
    unit: str,
    budget: int | None,
) -> LatencyVerdict:
    medians = [median for median, _ in figures]
    slowest, noise = max(figures)
    widest = max(1, round(max(noise for _, noise in figures)))
    note = f"by a noisy clock, +-{widest:,} {unit}: not comparable from run to run"
    finding = None
    if budget is not None and slowest - noise > budget:
        reason = f"{slowest:,.0f} {unit} (+-{noise:,.0f}) for one inference, {budget} allowed"
        finding = Finding(Stage.LATENCY, reason)
    if min(medians) < 1 or float(np.median(medians)) <= widest:
        note = f"one inference takes less than the noise of the clock, {widest:,} {unit}"
        return LatencyVerdict(
            finding is None, unit, None, None, None, None, net, overhead, budget, note, finding, widest
        )
    return LatencyVerdict(
        passed=finding is None,
        unit=unit,
        min=round(min(medians)),
        median=float(np.median(medians)),
        max=round(slowest),
        spread=max(max(row) - min(row) for row in net if row),
        counts=net,
        overhead=overhead,
        budget=budget,
        note=note,
        finding=finding,
        noise=widest,
    )
