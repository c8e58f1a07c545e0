"""Cases shared out to processes, and their results added up."""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinysine.errors import ModelError
from trust.conformance import graphs
from trust.conformance.coverage import expected, reached
from trust.conformance.graph_coverage import HOST, lacking_kernels, operators_of
from trust.conformance.graphs import draw_graph, draw_hosted
from trust.conformance.networks import VARIANTS, Case, Variant, draw
from trust.conformance.trial import Result, try_cases

ENGINES_AN_IMAGE = 32
_FURTHEST = 5000
SHOWN = 10
BUILDS = list(dict.fromkeys((variant.core, variant.compiler) for variant in VARIANTS))


@dataclass(frozen=True)
class Kind:
    """One kind of cases.

    Attributes:
        name: for people, in the plural.
        draw: a number -> its case.
        variants: number modulo their count chooses the build.
    """

    name: str
    draw: Callable[[int], Case]
    variants: tuple[Variant, ...]


CHAINS = Kind("networks", draw, VARIANTS)
GRAPHS = Kind("graphs", draw_graph, graphs.VARIANTS)
HOSTED = Kind("graphs on this computer", draw_hosted, graphs.HOST_VARIANTS)


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


def run_networks(
    numbers: Sequence[int],
    *,
    kind: Kind = CHAINS,
    processes: int | None = None,
    root: Path | None = None,
    most: int = ENGINES_AN_IMAGE,
) -> Tally:
    """Try the cases of these numbers; a line is printed at each tenth of the way, failures at once.

    Args:
        numbers: see the kind's `draw`.
        kind: which cases the numbers name.
        processes: how many at once; 1 stays in this process. By default one for each core.
        root: the firmware folder.
        most: engines in one image.
    """
    batches = [(batch, kind, root) for batch in _batches(numbers, kind.variants, most)]
    results: list[Result] = []
    if processes == 1 or len(batches) == 1:
        for batch in batches:
            results += _told(_try_numbers(batch), results)
    else:
        with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
            for done, part in enumerate(pool.map(_try_numbers, batches), 1):
                results += _told(part, results)
                if done * 10 // len(batches) > (done - 1) * 10 // len(batches):
                    wrong = sum(1 for result in results if result.failure)
                    print(f"{len(results):,} of {len(numbers):,} {kind.name}, {wrong:,} wrong", flush=True)
    return _add_up(results)


def _told(part: list[Result], before: Sequence[Result]) -> list[Result]:
    """Print what is wrong in a part, the first SHOWN of a run in full; returns the part."""
    count = sum(1 for result in before if result.failure)
    for at, failure in enumerate((result.failure for result in part if result.failure), count):
        if at < SHOWN:
            print(failure, flush=True)
    return part


def run_further(
    tally: Tally, floor: int, *, first: int, root: Path | None = None, most: int = ENGINES_AN_IMAGE
) -> Tally:
    """Try graphs that reach what was reached too rarely; returns all results together.

    Args:
        tally: of graphs tried before.
        floor: how often each kernel is demanded.
        first: number of the first graph that is looked at.
        root: the firmware folder.
        most: engines in one image.
    """
    chosen: list[int] = []
    for kernel, core, compiler, lacking in lacking_kernels(tally.counts, floor, BUILDS):
        operators = operators_of(kernel, tally.counts)
        if not operators:
            continue  # nothing that was tried met it, and nobody knows what would
        places = [
            at for at, each in enumerate(graphs.VARIANTS) if (each.core, each.compiler) == (core, compiler)
        ]
        numbers = (
            turn * len(graphs.VARIANTS) + place
            for turn in itertools.count(-(-first // len(graphs.VARIANTS)))
            if graphs.TURNS[turn % len(graphs.TURNS)] in operators
            for place in places
        )
        reaching = (
            number
            for number in itertools.islice(numbers, _FURTHEST)
            if any(layer.kernel == kernel for layer in draw_graph(number).engine.layers)
        )
        chosen += itertools.islice(reaching, lacking)
    more = run_networks(sorted(set(chosen)), kind=GRAPHS, root=root, most=most)
    return Tally(
        networks=tally.networks + more.networks,
        answers=tally.answers + more.answers,
        counts=tally.counts + more.counts,
        failures=tally.failures + more.failures,
    )


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
        new = lacking.keys() & reached(case)
        if new:
            chosen.append(number)
            lacking -= Counter(new)  # keeps what is still above 0
        if not lacking:
            return chosen
    raise ValueError(
        f"no network below number {_FURTHEST} reaches {sorted(lacking)} on {core} with {compiler}"
    )


def _batches(numbers: Sequence[int], variants: tuple[Variant, ...], most: int) -> Iterator[list[int]]:
    """Numbers of one variant each, as many as one image takes; of those that fill one the first has an image alone.

    GCC has removed a call in an engine that stood alone, and not where others stood in the same file.
    """
    by_variant: dict[Variant, list[int]] = defaultdict(list)
    for number in numbers:
        by_variant[variants[number % len(variants)]].append(number)
    for own in by_variant.values():
        for start in range(0, len(own), most):
            batch = own[start : start + most]
            if len(batch) == most > 1:
                yield [batch.pop(0)]
            yield batch


def _try_numbers(batch: tuple[list[int], Kind, Path | None]) -> list[Result]:
    numbers, kind, root = batch
    cases: list[Case] = []
    refused: list[Result] = []
    for number in numbers:
        try:
            case = kind.draw(number)
            _ = case.source
            cases.append(case)
        except ModelError as error:
            variant = kind.variants[number % len(kind.variants)]
            what = f"{kind.name}, number {number}: the model is refused: {error.message}"
            refused.append(Result(number, variant, frozenset(), 0, what))
    return [*refused, *(try_cases(cases, root=root) if cases else [])]


def _add_up(results: Sequence[Result]) -> Tally:
    counts: Counter[tuple[str, str, str]] = Counter()
    for result in results:
        variant = result.variant
        build = HOST if variant.compiler == "host" else (variant.core, variant.compiler)
        counts.update((what, *build) for what in result.reached)
    return Tally(
        networks=len(results),
        answers=sum(result.answers for result in results),
        counts=counts,
        failures=[result.failure for result in results if result.failure],
    )
