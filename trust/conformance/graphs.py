"""The graphs of the campaign: every number names one model of one operator, or one graph, and its build."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from tinysine.errors import ModelError
from tinysine.graph import Graph, graph_with_rounding, parse_network
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.stimuli import sample_inputs
from trust.conformance.networks import CORES, PROFILES, Case, Variant
from trust.operators import DRAWS

VARIANTS = tuple(
    Variant(core, compiler, profile) for core in CORES for compiler in ("gcc", "zig") for profile in PROFILES
)
# What this computer runs in the place of each core: the plain C beside the instructions, and what all others run.
HOST_VARIANTS = (
    Variant("cortex-m4", "host", "speed"),
    Variant("cortex-m0", "host", "speed"),
    Variant("cortex-m4", "host", "size"),
)
OPERATORS = tuple(sorted(DRAWS))
# Whose models come in turn. Convolutions, and graphs of them, have the most kernels.
TURNS = (*OPERATORS, "CONV_2D", "DEPTHWISE_CONV_2D", "GRAPH", "CONV_2D")
INPUTS = 16


def draw_graph(number: int, variants: tuple[Variant, ...] = VARIANTS) -> Case:
    """Draw the graph of a number.

    Neighbours differ in their build. After one of each build comes the next operator of TURNS; after all of them, the
    other rounding. What a number names changes with that list.
    """
    turn, place = divmod(number, len(variants))
    round_, position = divmod(turn, len(TURNS))
    operator = TURNS[position]
    data = DRAWS[operator](np.random.default_rng([number, zlib.crc32(operator.encode())]))
    model = parse_network(data, file=f"graph {number}")
    rounding = INTERPRETED[(round_ + position + place) % len(INTERPRETED)]
    try:
        if isinstance(model, Graph):
            graph_with_rounding(model, rounding)
    except ModelError:  # that reference has no answer; the other always has
        rounding = Rounding.LITERT
    return Case(
        number=number,
        variant=variants[place],
        rounding=rounding,
        model=model,
        # Corners are among them: all codes the least, the greatest, the zero point.
        inputs=sample_inputs(model, seed=number, count=INPUTS).codes,
        operator=operator,
    )


def draw_hosted(number: int) -> Case:
    """Draw a graph that this computer runs."""
    return draw_graph(number, HOST_VARIANTS)


def numbers_of(operator: str, numbers: Iterable[int], variants: tuple[Variant, ...] = VARIANTS) -> list[int]:
    """Return the numbers of one operator's graphs, as many as were asked for: one of each build, then the next round.

    Args:
        operator: a key of DRAWS.
        numbers: of its graphs, counted from 0.
        variants: as for `draw_graph`.
    """
    position = TURNS.index(operator)
    return [
        (round_ * len(TURNS) + position) * len(variants) + place
        for round_, place in (divmod(number, len(variants)) for number in numbers)
    ]
