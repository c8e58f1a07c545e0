"""Graphs that judge a header of the engine's kernels: for each of its functions some that run it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np

from tinysine.graph import parse_network
from tinysine.oracles import integer_oracle
from tinysine.quantization import INTERPRETED
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import Values, arrays_of
from trust.conformance import graphs
from trust.conformance.calls import functions, run_by
from trust.conformance.graphs import OPERATORS, draw_graph, numbers_of
from trust.conformance.networks import Case, Variant
from trust.operators.conv_2d import write_convolution

# On a core with dual multiply-accumulates, and on one without; their compiler is the faster one.
BUILDS = (Variant("cortex-m4", "gcc", "speed"), Variant("cortex-m0", "gcc", "speed"))
# How many models of each operator there are to choose from: more where there are more kernels, or ways through one.
_MODELS = 6
_MODELS_OF = {
    "ADD": 80,
    "CONV_2D": 90,
    "DEPTHWISE_CONV_2D": 24,
    "FULLY_CONNECTED": 12,
    "GRAPH": 40,
    "MEAN": 24,
    "REDUCE_MAX": 24,
}
# Where a sum may be wrong by less than an accumulator: models with a code for every few accumulators show it. Where
# they are too few, the reference's own steps divide first, and show nothing.
_FINE, _FINE_WEIGHT = ("engine/winograd_products.h",), 10
_FINE_MODELS, _FINE_INPUTS, _FINE_NUMBERS = 6, 64, 1_000_000
_EACH, _MOST = 10, 24  # graphs that run a function, and that judge a header
_MOST_OF = {"engine/lanes.h": 36}  # which has the most kernels


def graph_cases(file: str) -> Iterator[tuple[Case, ...]]:
    """Choose the graphs that judge a header; of each build in which it is at work, one after the other.

    Args:
        file: below the firmware folder.
    """
    for variant in BUILDS:
        if chosen := _chosen(functions_of(file), variant, _MOST_OF.get(file, _MOST)):
            yield (*_fine(variant), *chosen) if file in _FINE else chosen


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
def _chosen(own: frozenset[str], variant: Variant, most: int) -> tuple[Case, ...]:
    chosen = reaching(_models(variant), lambda case: own & _run_by(case), each=_EACH, most=most, fit=_differs)
    # Those that run the most of it judge first.
    return tuple(sorted(chosen, key=lambda case: -len(own & _run_by(case))))


@functools.cache
def _fine(variant: Variant) -> tuple[Case, ...]:
    """Convolutions of 3 x 3 taps with small weights."""
    return tuple(
        Case(
            number=number,
            variant=variant,
            rounding=INTERPRETED[number % len(INTERPRETED)],
            model=(model := parse_network(_fine_3x3(number), file=f"graph {number}")),
            inputs=sample_inputs(model, seed=number, count=_FINE_INPUTS).codes,
            operator="CONV_2D",
        )
        for number in range(_FINE_NUMBERS, _FINE_NUMBERS + _FINE_MODELS)
    )


def _fine_3x3(number: int) -> bytes:
    rng = np.random.default_rng(number)
    # Some groups of four tiles, of both sizes; channels by twos and by eights.
    rows, columns = (int(n) for n in rng.integers(9, 14, 2))
    inputs, outputs = (10, 16, 20, 32)[number % 4], int(rng.integers(2, 6))
    return write_convolution(
        rng,
        "CONV_2D",
        "Conv2DOptions",
        shape=(1, rows, columns, inputs),
        weights_shape=(outputs, 3, 3, inputs),
        dimension=0,
        result=(1, rows, columns, outputs),
        options={"padding": 0, "strideH": 1, "strideW": 1},
        usual=1.0,
        most=_FINE_WEIGHT,
    )


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
    """Tell whether its answers differ; one that is saturated would not notice much."""
    return any(len(np.unique(array, axis=0)) >= len(array) // 4 for array in arrays_of(answers_of(case)))
