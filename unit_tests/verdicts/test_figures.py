"""Latency, memory and the overall verdict: what was not measured cannot pass."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.verdicts import (
    Finding,
    LatencyVerdict,
    MemoryVerdict,
    OutputsVerdict,
    Stage,
    judge_latency,
    judge_memory,
    judge_overall,
)


def latency(*rows: list[int], **options: Any) -> LatencyVerdict:
    """Judge raw counts with an overhead of 10."""
    return judge_latency(
        [np.array(row, np.int64) for row in rows], overhead=10, unit="instructions", **options
    )


@given(st.lists(st.lists(st.integers(11, 10**6), min_size=1, max_size=5), min_size=1, max_size=5))
def test_latency_is_net_of_the_overhead(rows: list[list[int]]) -> None:
    """Minimum, median and maximum are over all repetitions, with the overhead taken off."""
    verdict = latency(*rows)
    flat = [count - 10 for row in rows for count in row]
    assert verdict.passed
    assert (verdict.min, verdict.max) == (min(flat), max(flat))
    assert verdict.median == pytest.approx(np.median(flat))
    assert verdict.spread == max(max(row) - min(row) for row in rows)


@pytest.mark.parametrize(
    ("rows", "at_most"),
    [([[2**32 - 1] * 3], None), ([[110], [2**32 - 1]], None), ([[510, 510], [510]], 1499.0)],
)
def test_a_counter_that_counts_more_than_can_be_fails(rows: list[list[int]], at_most: float | None) -> None:
    """Stuck at its end, or ahead of the time that this computer waited: a failure without figures."""
    verdict = latency(*rows, at_most=at_most)
    assert not verdict.passed
    assert (verdict.min, verdict.median, verdict.max) == (None, None, None)
    assert verdict.finding is not None
    assert latency([510, 510], [510], at_most=1500.0).passed


@pytest.mark.parametrize("rows", [[], [[]], [[10, 10]], [[0, 0, 0]], [[500, 10]], [[500], [3]]])
def test_a_counter_that_stands_still_fails(rows: list[list[int]]) -> None:
    """No counts, or counts no larger than the overhead, are a failure and give no figures: never 0."""
    verdict = latency(*rows)
    assert not verdict.passed
    assert (verdict.min, verdict.median, verdict.max) == (None, None, None)
    assert verdict.finding is not None


def test_latency_budget() -> None:
    """The slowest inference has to be within the budget, to the count."""
    assert latency([110, 120], budget=110).passed
    verdict = latency([110, 120], budget=109)
    assert verdict.finding is not None
    assert "110 instructions for one inference, 109 allowed" in verdict.finding.reason


def test_a_spread_is_noted_where_counting_is_exact() -> None:
    """Repetitions that differ on an emulator are reported; different inputs may differ."""
    assert latency([110, 110], [130, 130], exact=True).note == ""
    assert "differ by 2" in latency([110, 112], exact=True).note
    assert latency([110, 112]).note == ""


MEMORY: dict[str, Any] = {
    "arena_planned": 32,
    "arena_reported": 32,
    "arena_high_water": 32,
    "stack_high_water": 300,
    "stack_budget": 2048,
    "stack_bound": 96,
    "engine_stack": 96,
    "static_ram": 1000,
    "static_ram_reported": 1000,
    "flash": 8000,
    "model": 532,
    "engine": 1000,
    "board_flash": 983040,
    "board_ram": 262144,
}


def memory(**changes: Any) -> MemoryVerdict:
    """Judge sound figures with a few of them changed."""
    return judge_memory(**(MEMORY | changes))


def test_sound_memory_passes() -> None:
    """Figures within plan, budget and board pass; unknown ones stay unknown."""
    assert memory().passed
    unknown = memory(
        stack_high_water=None, stack_bound=None, engine_stack=None, board_flash=None, board_ram=None
    )
    assert unknown.passed
    assert unknown.stack_bytes is None
    assert memory(arena_planned=0, arena_reported=0, arena_high_water=0).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"arena_high_water": 33},
        {"arena_reported": 31},
        {"stack_high_water": 2048},
        {"engine_stack": 97},
        {"stack_high_water": 0},
        {"static_ram_reported": 1004},
        {"flash": 983041},
        {"flash": 0},
        {"static_ram": 262144, "static_ram_reported": 262144},
    ],
    ids=str,
)
def test_each_excess_of_memory_fails(changes: dict[str, int]) -> None:
    """Every figure beyond its limit fails by itself, with one sentence."""
    verdict = memory(**changes)
    assert not verdict.passed
    assert len(verdict.findings) == 1


OUTPUTS = OutputsVerdict(
    checked=256,
    exhaustive=True,
    domain_bits=8,
    reference="litert",
    mismatches=0,
    max_abs_diff=0,
    first_mismatches=(),
    against={},
)


def overall(**changes: Any) -> str:
    """The verdict over sound parts with a few of them changed."""
    parts: dict[str, Any] = {"outputs": OUTPUTS, "latency": latency([99]), "memory": memory()}
    return judge_overall(**(parts | changes)).verdict


def test_overall_passes_only_when_everything_does() -> None:
    """All parts sound is a pass; a board without a counter passes unless latency was required."""
    assert overall() == "pass"
    assert overall(latency=None) == "pass"
    assert overall(latency=None, latency_required=True) == "fail"


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": None},
        {"outputs": msgspec.structs.replace(OUTPUTS, checked=0)},
        {"outputs": msgspec.structs.replace(OUTPUTS, mismatches=1)},
        {"outputs": msgspec.structs.replace(OUTPUTS, finding=Finding(Stage.ORACLES, "they disagree"))},
        {"latency": latency([5])},
        {"memory": None},
        {"memory": memory(arena_high_water=33)},
        {"extra": (Finding(Stage.FIRMWARE, "it crashed"),)},
    ],
    ids="-".join,
)
def test_overall_fails_when_anything_does(changes: dict[str, Any]) -> None:
    """Each part that is wrong, or missing though it must be there, fails the whole."""
    assert overall(**changes) == "fail"
