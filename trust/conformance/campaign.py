"""Cases shared out to processes, and their results added up."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trust.conformance.coverage import expected, reached
from trust.conformance.networks import VARIANTS, Case, Variant, draw
from trust.conformance.trial import Result, try_cases

ENGINES_AN_IMAGE = 32
_FURTHEST = 5000
BUILDS = list(dict.fromkeys((variant.core, variant.compiler) for variant in VARIANTS))


@dataclass(frozen=True)
class Tally:
    """All results of a run.

    Attributes:
        networks: how many were tried.
        answers: how many output values were compared.
        counts: of (what was reached, core, compiler).
        failures: one text for each network that was wrong.
    """

    networks: int
    answers: int
    counts: Counter[tuple[str, str, str]]
    failures: list[str]


def run_networks(numbers: Sequence[int], *, processes: int | None = None, root: Path | None = None) -> Tally:
    """Try the networks of these numbers.

    Args:
        numbers: see `draw`.
        processes: how many at once; 1 stays in this process. By default one for each core.
        root: the firmware folder.
    """
    batches = [(batch, root) for batch in _batches(numbers)]
    if processes == 1 or len(batches) == 1:
        results = [result for batch in batches for result in _try_numbers(batch)]
    else:
        with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
            results = [result for part in pool.map(_try_numbers, batches) for result in part]
    return _add_up(results)


def cover(core: str, compiler: str, kernels: Collection[str]) -> list[int]:
    """Choose numbers whose networks together reach each of these kernels twice in one build, first come, first chosen.

    Raises:
        ValueError: the first thousands of numbers do not reach all.
    """
    lacking = Counter(dict.fromkeys(set(kernels) & set(expected(core)), 2))
    chosen = []
    for number in range(_FURTHEST):
        variant = VARIANTS[number % len(VARIANTS)]
        if (variant.core, variant.compiler) != (core, compiler):
            continue
        case = draw(number)
        new = lacking.keys() & reached(case.source, case.model, str(case.rounding))
        if new:
            chosen.append(number)
            lacking -= Counter(new)  # keeps what is still above 0
        if not lacking:
            return chosen
    raise ValueError(
        f"no network below number {_FURTHEST} reaches {sorted(lacking)} on {core} with {compiler}"
    )


def _batches(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of one variant each, as many as one image takes."""
    by_variant: dict[Variant, list[int]] = defaultdict(list)
    for number in numbers:
        by_variant[VARIANTS[number % len(VARIANTS)]].append(number)
    for own in by_variant.values():
        for start in range(0, len(own), ENGINES_AN_IMAGE):
            yield own[start : start + ENGINES_AN_IMAGE]


def _try_numbers(batch: tuple[list[int], Path | None]) -> list[Result]:
    numbers, root = batch
    cases: list[Case] = [draw(number) for number in numbers]
    return try_cases(cases, root=root)


def _add_up(results: Sequence[Result]) -> Tally:
    counts: Counter[tuple[str, str, str]] = Counter()
    for result in results:
        counts.update((what, result.variant.core, result.variant.compiler) for what in result.reached)
    return Tally(
        networks=len(results),
        answers=sum(result.answers for result in results),
        counts=counts,
        failures=[result.failure for result in results if result.failure],
    )
