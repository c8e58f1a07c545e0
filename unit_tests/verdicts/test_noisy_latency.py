"""Latency by a noisy clock: noise never fails the product, and what is beyond it does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.verdicts import LatencyVerdict, judge_noisy_latency

ROWS, REPETITIONS = 8, 45


def samples(
    true_ns: float, seed: int, *, preempted: float = 0.05, sigma_ns: float = 9.0
) -> list[NDArray[np.int64]]:
    """Counts of a computer's clock: its reading costs 30 ns, and some counts are thousands too long."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(30, sigma_ns, (ROWS, REPETITIONS))
    stolen = rng.exponential(40_000, noise.shape) * (rng.random(noise.shape) < preempted)
    return list(np.maximum(np.round(true_ns + noise + stolen), 0).astype(np.int64))


def judged(true_ns: float, seed: int, budget: int | None = None, preempted: float = 0.05) -> LatencyVerdict:
    """The verdict over such counts, with overheads of the same clock."""
    overheads = [int(row[0]) for row in samples(0, seed + 10_000, preempted=preempted)] * 5
    counts = samples(true_ns, seed, preempted=preempted)
    return judge_noisy_latency(counts, overheads=overheads, unit="ns", budget=budget)


@pytest.mark.parametrize("true_ns", [0, 3, 20, 80, 400, 10_000])
@pytest.mark.parametrize("preempted", [0.0, 0.05, 0.3])
def test_noise_never_fails(true_ns: float, preempted: float) -> None:
    """However short an inference and however busy the computer: figures near the truth, or none."""
    for seed in range(40):
        verdict = judged(true_ns, seed, preempted=preempted)
        assert verdict.passed, verdict
        if verdict.median is not None:
            assert verdict.noise is not None
            assert abs(verdict.median - true_ns) <= verdict.noise


def test_a_figure_below_the_noise_is_absent() -> None:
    """An empty engine takes no time that this clock could tell: no figure, and never 0."""
    verdict = judged(0, seed=1)
    assert (verdict.passed, verdict.min, verdict.median, verdict.max) == (True, None, None, None)
    assert "less than the noise of the clock" in verdict.note


def test_a_budget_is_exceeded_only_beyond_the_noise() -> None:
    """At the budget nothing fails, however often it is tried; far beyond it everything does."""
    assert all(judged(1000, seed, budget=1000).passed for seed in range(40))
    assert all(judged(5, seed, budget=1).passed for seed in range(40))
    over = [judged(2000, seed, budget=1000) for seed in range(40)]
    assert not any(verdict.passed for verdict in over)
    assert over[0].finding is not None
    assert "for one inference, 1000 allowed" in over[0].finding.reason


def test_what_no_noise_explains_fails() -> None:
    """No count at all, a counter at its end, and more time than has passed."""
    rows = samples(1000, 1)
    for counts, at_most, words in (
        ([], None, "no repetition"),
        ([np.array([2**32 - 1] * 3)], None, "stuck at its end"),
        (rows, float(np.sum(rows)) / 2, "can have passed"),
    ):
        verdict = judge_noisy_latency(counts, overheads=[30], unit="ns", at_most=at_most)
        assert not verdict.passed
        assert verdict.median is None
        assert verdict.finding is not None
        assert words in verdict.finding.reason
