"""Raw counts of repeated inferences, turned into a latency that can be trusted, or into none."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinysine.record import AS_UNIT, Count, Positive, Record, Trend, Words, always, fact
from tinysine.verdicts.proof import Proof
from tinysine.verdicts.stages import Finding, Stage

STUCK = 2**32 - 1  # the protocol's counts have 32 bits
Timed = Annotated[int, Meta(gt=0)]


class Latency(Record, kw_only=True):
    """Cost of one inference: counts over all timed inputs, without the overhead."""

    unit: Annotated[
        Words,
        fact(
            "of all counts: `instructions` on an emulator, on hardware what it counts: `cycles`, `ticks` or `ns`; "
            "`counts` where nothing proves what counts; never a mix"
        ),
    ]
    min: Annotated[Timed | None, fact("the least; absent if the counter's values are not plausible")] = None
    median: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        fact("the median of all", trend=Trend(1, "latency", name="latency"), unit=AS_UNIT, better="lower"),
    ] = None
    max: Annotated[Timed | None, fact("the most", unit=AS_UNIT, better="lower")] = None
    spread: Annotated[
        Count | None,
        fact("largest difference between repetitions of the same input: 0 where counting is exact"),
    ] = None
    noise: Annotated[
        Count | None, fact("by how much a figure may be wrong, if the clock is noisy, as a computer's is")
    ] = None
    estimated_cycles: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        fact(
            "of one inference, the median over the inputs, as the emulator estimates them for a chip without wait "
            "states",
            unit="cycles",
            better="lower",
        ),
    ] = None
    overhead: Annotated[Count | None, fact("of an empty measurement")] = None
    budget: Annotated[Positive | None, fact("the most that was allowed; absent without a limit")] = None
    counts: Annotated[tuple[tuple[int, ...], ...], fact("of each input that was timed, in order")]
    note: Annotated[Words, fact("a remark on figures that are valid")] = ""
    proof: Annotated[Proof, fact("how the figures were proved")] = always(Proof.DEVICE)


class LatencyVerdict(Latency, kw_only=True):
    """Latency, and what is wrong with it; None where the figures are believable and within the budget."""

    finding: Finding | None = None

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return self.finding is None


def judge_latency(
    counts: Sequence[Sequence[int] | NDArray[Any]],
    *,
    overhead: int,
    unit: str,
    budget: int | None = None,
    exact: bool = False,
    at_most: float | None = None,
) -> LatencyVerdict:
    """Judge the repetitions of a few inputs.

    Args:
        counts: for each timed input, its raw counts [repetitions], overhead included.
        overhead: counts of an empty measurement.
        unit: of the counts.
        budget: the most one inference may cost, in the same unit.
        exact: the counter counts the same for the same work (an emulator's instructions): a spread is then
            noted.
        at_most: counts that cannot have passed while the device was waited for; None where nobody can tell.
    Returns:
        The verdict. No counts at all, or a counter that stands still, fail: they would otherwise read as
        very fast; so does one that is stuck at its end, or counts more than time allows.
    """
    net = tuple(tuple(int(c) - overhead for c in row) for row in counts)
    flat = np.array([c for row in net for c in row], np.int64)
    reason = impossible(flat, overhead=overhead, unit=unit, at_most=at_most)
    if not reason and flat.min() <= 0:
        reason = (
            f"the counter does not count: {int(flat.min()) + overhead} {unit} with an overhead of {overhead}"
        )
    if not reason:
        return _believable(net, flat, overhead=overhead, unit=unit, budget=budget, exact=exact)
    return refused(reason, unit=unit, counts=net, overhead=overhead, budget=budget)


def refused(
    reason: str, *, unit: str, counts: tuple[tuple[int, ...], ...], overhead: int, budget: int | None
) -> LatencyVerdict:
    """Return the verdict on counts that cannot be believed: it fails, and has no figures."""
    finding = Finding(Stage.LATENCY, reason)
    return LatencyVerdict(unit=unit, counts=counts, overhead=overhead, budget=budget, finding=finding)


def impossible(counts: NDArray[np.int64], *, unit: str, at_most: float | None, overhead: int = 0) -> str:
    """Say why counts cannot be right, whatever the clock; "" where they can.

    Args:
        counts: of all repetitions, in one row.
        unit: of the counts.
        at_most: counts that cannot have passed while the device was waited for; None where nobody can tell.
        overhead: that was taken off each of them.
    """
    if counts.size == 0:
        return "no repetition was timed"
    if counts.max() + overhead >= STUCK:
        return f"the counter is stuck at its end: {int(counts.max()) + overhead} {unit}"
    if at_most is not None and counts.sum() > at_most:
        return f"the counter counted {int(counts.sum()):,} {unit} while {at_most:,.0f} can have passed"
    return ""


def _believable(
    net: tuple[tuple[int, ...], ...],
    flat: NDArray[np.int64],
    *,
    overhead: int,
    unit: str,
    budget: int | None,
    exact: bool,
) -> LatencyVerdict:
    spread = max(max(row) - min(row) for row in net if row)
    worst = int(flat.max())
    note = ""
    if exact and spread:
        note = f"repetitions of one input differ by {spread} {unit}, although counting is exact here"
    finding = None
    if budget is not None and worst > budget:
        finding = Finding(Stage.LATENCY, f"{worst} {unit} for one inference, {budget} allowed")
    return LatencyVerdict(
        unit=unit,
        min=int(flat.min()),
        median=float(statistics.median(flat.tolist())),  # numpy's would load numpy.ma
        max=worst,
        spread=spread,
        counts=net,
        overhead=overhead,
        budget=budget,
        note=note,
        finding=finding,
    )
