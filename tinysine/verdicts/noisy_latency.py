"""Latency by a clock that is noisy, such as a computer's own: robust statistics, and no failure from noise alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.verdicts.latency import LatencyVerdict, impossible, refused
from tinysine.verdicts.stages import Finding, Stage

# Units of clocks whose noise is as large as what a comparison would show.
NOISY_UNITS = ("ns",)
MAD_TO_SIGMA = 1.4826  # from a median absolute deviation to a standard deviation, of a normal distribution
NOISE_MADS = 3 * MAD_TO_SIGMA


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
    standard deviations of a single count (median absolute deviation). A figure that is not three standard errors of
    the medians above zero is absent.

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
    reason = impossible(flat if len(overheads) else flat[:0], unit=unit, at_most=at_most)
    if reason:
        return refused(reason, unit=unit, counts=net, overhead=overhead, budget=budget)
    empty = np.asarray(overheads)
    figures = [_figure(np.asarray(row), empty) for row in net if row]
    return _verdict(figures, net=net, overhead=overhead, unit=unit, budget=budget)


@dataclass(frozen=True, order=True)
class _Figure:
    """One input's median, and how far a single count and the median itself may be off."""

    median: float
    noise: float
    uncertainty: float


def _figure(net: NDArray[Any], empty: NDArray[Any]) -> _Figure:
    one, other = _deviation(net), _deviation(empty)
    # The standard error of a normal sample's median.
    errors = np.hypot(one / np.sqrt(len(net)), other / np.sqrt(len(empty))) * np.sqrt(np.pi / 2)
    return _Figure(
        float(np.median(net)), NOISE_MADS * float(np.hypot(one, other)), NOISE_MADS * float(errors)
    )


def _deviation(values: NDArray[Any]) -> float:
    """The median absolute deviation; at least half a count, which is how finely the clock counts."""
    return max(float(np.median(np.abs(values - np.median(values)))), 0.5)


def _verdict(
    figures: list[_Figure],
    *,
    net: tuple[tuple[int, ...], ...],
    overhead: int,
    unit: str,
    budget: int | None,
) -> LatencyVerdict:
    medians = [figure.median for figure in figures]
    slowest, widest = max(figures), max(1, round(max(figure.noise for figure in figures)))
    note = f"by a noisy clock, +-{widest:,} {unit}: not comparable from run to run"
    finding = None
    if budget is not None and slowest.median - slowest.noise > budget:
        reason = f"{slowest.median:,.0f} {unit} (+-{slowest.noise:,.0f}) for one inference, {budget} allowed"
        finding = Finding(Stage.LATENCY, reason)
    if any(figure.median < max(figure.uncertainty, 1) for figure in figures):
        note = f"one inference takes less than the noise of the clock, {widest:,} {unit}"
        return LatencyVerdict(
            unit=unit, counts=net, overhead=overhead, budget=budget, note=note, finding=finding, noise=widest
        )
    return LatencyVerdict(
        unit=unit,
        min=round(min(medians)),
        median=float(np.median(medians)),
        max=round(slowest.median),
        spread=max(max(row) - min(row) for row in net if row),
        counts=net,
        overhead=overhead,
        budget=budget,
        note=note,
        finding=finding,
        noise=widest,
    )
