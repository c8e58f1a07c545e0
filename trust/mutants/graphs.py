"""Which graphs judge a header of the engine's kernels: for each of its functions some that run it."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np

from tinysine.oracles import integer_oracle
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import Values, arrays_of
from trust.conformance import graphs
from trust.conformance.calls import functions, run_by
from trust.conformance.graphs import OPERATORS, draw_graph, numbers_of
from trust.conformance.networks import Case, Variant

# On a core with dual multiply-accumulates, and on one without; their compiler is the faster one.
BUILDS = (Variant("cortex-m4", "gcc", "speed"), Variant("cortex-m0", "gcc", "speed"))
# How many models of each operator there are to choose from: more where there are more kernels, or ways through one.
_MODELS = 6
_MODELS_OF = {
    "ADD": 80,
    "CONV_2D": 90,
    "DEPTHWISE_CONV_2D": 24,
    "FULLY_CONNECTED": 12,
    "MEAN": 24,
    "REDUCE_MAX": 24,
}
# Where a sum may be wrong by less than a code.
_ASKED_MORE, _MORE = ("engine/winograd_products.h",), 128
_EACH, _MOST = 10, 24  # graphs that run a function, and that judge a header


def graph_cases(file: str) -> Iterator[tuple[Case, ...]]:
    """Choose the graphs that judge a header; of each build in which it is at work, one after the other.

    Args:
        file: below the firmware folder.
    """
    for variant in BUILDS:
        if chosen := _chosen(functions_of(file), variant):
            yield tuple(map(_asked_more, chosen)) if file in _ASKED_MORE else chosen


def functions_of(file: str) -> frozenset[str]:
    """Name the functions that a header defines; see `graph_cases`."""
    header = file.removeprefix("engine/")
    return frozenset(name for name, function in functions().items() if header in function.header)


def reaching(
    cases: Iterable[Case],
    what: Callable[[Case], Collection[str]],
    *,
    each: int,
    most: int | None = None,
    fit: Callable[[Case], bool] = lambda _: True,
) -> list[Case]:
    """Choose cases, first come, first chosen, until each thing is reached as often as wanted.

    Args:
        what: the things that a case reaches.
        each: how often each is wanted.
        most: how many cases at most.
        fit: tells whether a case that is wanted will do.
    """
    counts: Counter[str] = Counter()
    chosen: list[Case] = []
    for case in cases:
        if len(chosen) == most:
            break
        met = what(case)
        if any(counts[name] < each for name in met) and fit(case):
            chosen.append(case)
            counts.update(met)
    return chosen


@functools.cache
def _chosen(own: frozenset[str], variant: Variant) -> tuple[Case, ...]:
    chosen = reaching(
        _models(variant), lambda case: own & _run_by(case), each=_EACH, most=_MOST, fit=_differs
    )
    # Those that run the most of it judge first.
    return tuple(sorted(chosen, key=lambda case: -len(own & _run_by(case))))


@functools.cache
def _asked_more(case: Case) -> Case:
    return dataclasses.replace(case, inputs=sample_inputs(case.model, seed=case.number, count=_MORE).codes)


@functools.cache
def _models(variant: Variant) -> tuple[Case, ...]:
    """Models of every operator in turn, small ones."""
    place = graphs.VARIANTS.index(variant)
    count = len(graphs.VARIANTS)
    of_each = [
        numbers_of(operator, range(place, count * _MODELS_OF.get(operator, _MODELS), count))
        for operator in OPERATORS
    ]
    most = max(map(len, of_each))
    turns = [own[turn] for turn in range(most) for own in of_each if turn < len(own)]
    return tuple(draw_graph(number) for number in turns)


@functools.cache
def _run_by(case: Case) -> frozenset[str]:
    return run_by(case.source)


@functools.cache
def answers_of(case: Case) -> Values:
    """The right answers of a case."""
    return integer_oracle(case.model, case.rounding).run(case.inputs)


def _differs(case: Case) -> bool:
    """Whether its answers differ; one that is saturated would not notice much."""
    return any(len(np.unique(array, axis=0)) >= len(array) // 4 for array in arrays_of(answers_of(case)))
