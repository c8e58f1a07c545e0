"""Placement of values, proved by running engines on memory that knows the owner of each byte."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

import numpy as np
import pytest

from tinysine.codegen.kernels import KERNELS
from tinysine.codegen.place import ALIGNMENT, Placement, place
from tinysine.codegen.steps import Step, Target
from tinysine.graph import Graph, Value, graph_with_rounding, parse_network
from tinysine.quantization import Rounding
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators import DRAWS

WASTE = 1.05  # of the bound, at most
_PLACE = re.compile(r"ts_engine_arena \+ (\d+)|ts_engine_ends\.(\w+)")
Bytes = frozenset[tuple[str, int]]


class Memory:
    """Bytes that know which value they are part of: (root of the value, number of the byte)."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.held: dict[tuple[str, int], object] = {}

    def bytes_of(self, value: Value) -> list[tuple[str, int]]:
        """Return the bytes that a value occupies."""
        found = _PLACE.fullmatch(self.placement.expressions[id(value)])
        assert found is not None
        block, at = ("arena", int(found[1])) if found[1] else (found[2], 0)
        assert at % ALIGNMENT == 0
        if block == "arena":
            assert at + value.nbytes <= self.placement.arena_bytes
        return [(block, at + i) for i in range(value.nbytes)]

    def write(self, places: Iterable[tuple[str, int]], what: object) -> None:
        """Let bytes belong to a value, or to nobody."""
        self.held |= {each: (what, number) for number, each in enumerate(places)}

    def demand(self, value: Value, what: object) -> None:
        """The value must still be there."""
        places = self.bytes_of(value)
        assert [self.held.get(each) for each in places] == [(what, i) for i in range(len(places))], value.name


def walked(graph: Graph, steps: list[Step], placement: Placement) -> int:
    """Run all steps twice, for inputs and outputs live on; returns the most bytes of the arena in use at once."""
    memory, most = Memory(placement), 0
    roots: dict[int, object] = {id(value): value.name for value in graph.given}
    for turn in range(2):
        for value in graph.given:
            memory.write(memory.bytes_of(value), roots[id(value)])
        for number, step in enumerate(steps):
            sources, target = step.node.sources, memory.bytes_of(step.node.result)
            for value in sources:
                memory.demand(value, roots[id(value)])
            most = max(most, _in_use(graph, steps, number, memory))
            if step.alias and number not in placement.copies:
                assert target == memory.bytes_of(sources[0])
                roots[id(step.node.result)] = roots[id(sources[0])]
                continue
            scratch = [("arena", placement.scratch[number] + i) for i in range(step.scratch_bytes)]
            assert all(at < placement.arena_bytes for _, at in scratch)
            taken = {each for value in sources for each in memory.bytes_of(value)}
            assert not taken & set(scratch)
            assert not set(target) & set(scratch)
            if not (step.in_place and target == memory.bytes_of(sources[0])):
                assert not taken & set(target), "a kernel writes where it reads"
            memory.write(scratch, None)
            roots[id(step.node.result)] = (step.node.result.name, turn)
            memory.write(target, roots[id(step.node.result)])
        for value in graph.given:
            memory.demand(value, roots[id(value)])
        for value in graph.wanted:
            assert memory.bytes_of(value)[0][0].startswith("output")
            memory.demand(value, roots[id(value)])
        assert len({id(value) for value in graph.wanted}) + len(placement.repeated) == len(graph.wanted)
    return most


def _in_use(graph: Graph, steps: list[Step], number: int, memory: Memory) -> int:
    """Bytes of the arena that a step needs, or that hold what a later step reads, words at a time."""
    step = steps[number]
    made = [value for earlier in steps[:number] for value in (earlier.node.result,)]
    later = {id(value) for each in steps[number:] for value in each.node.sources}
    later |= {id(value) for value in graph.wanted}
    alive = [value for value in made if id(value) in later] + [step.node.result]
    words = {at // ALIGNMENT for value in alive for block, at in memory.bytes_of(value) if block == "arena"}
    return ALIGNMENT * len(words) - (-step.scratch_bytes // ALIGNMENT) * ALIGNMENT


def planned(data: bytes, target: Target) -> tuple[Graph, list[Step]]:
    """Read a model and choose its kernels."""
    network = parse_network(data, file="m.tflite")
    assert isinstance(network, Graph)
    network = graph_with_rounding(network, target.rounding)
    return network, [
        KERNELS[node.operator](node, number, target) for number, node in enumerate(network.nodes)
    ]


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_nothing_that_is_still_wanted_is_overwritten(optimize: str) -> None:
    """Of random graphs, every source is whole when it is read, and no arena is 5 % above what is alive at once."""
    target = Target(core="cortex-m4", optimize=optimize, rounding=Rounding.LITERT)  # type: ignore[arg-type]
    shared = 0
    for seed in range(40):
        data = DRAWS["GRAPH"](np.random.default_rng([seed, zlib.crc32(b"place")]))
        graph, steps = planned(data, target)
        placement = place(graph, steps)
        assert walked(graph, steps, placement) == placement.bound_bytes, seed
        assert placement.bound_bytes <= placement.arena_bytes <= WASTE * placement.bound_bytes, seed
        shared += placement.arena_bytes < sum(step.node.result.nbytes for step in steps)
    assert shared > 12


def branched(operators: list[tuple[str, str, list[str], str]], wanted: list[str]) -> bytes:
    """Write a graph of (operator, options, sources, result), all values of one shape and quantisation."""
    writer, tensors = GraphWriter(), {}
    names = ["fed", *(result for *_, result in operators)]
    for name in names:
        tensors[name] = writer.tensor(name, "int8", (1, 2, 8), scale=0.1)
    for operator, options, sources, result in operators:
        writer.operator(operator, [tensors[each] for each in sources], [tensors[result]], options)
    return writer.finish([tensors["fed"]], [tensors[each] for each in wanted])


TARGET = Target(core="cortex-m4", optimize="size", rounding=Rounding.LITERT)
FIRST = ("ADD", "AddOptions", ["fed", "fed"], "one")


@pytest.mark.parametrize(
    ("operators", "wanted", "arena_bytes"),
    [
        # `view` is `one` in another shape: ADD may not write over it while SUB still reads it.
        (
            [
                FIRST,
                ("RESHAPE", "ReshapeOptions", ["one"], "view"),
                ("ADD", "AddOptions", ["one", "fed"], "two"),
                ("SUB", "SubOptions", ["view", "two"], "last"),
            ],
            ["last"],
            16,
        ),
        # The same, but nobody reads it later.
        (
            [
                FIRST,
                ("ADD", "AddOptions", ["one", "fed"], "two"),
                ("SUB", "SubOptions", ["two", "fed"], "last"),
            ],
            ["last"],
            0,
        ),
        # An output that is read by the next operator, and is an output twice.
        ([FIRST, ("ADD", "AddOptions", ["one", "one"], "last")], ["one", "last", "one"], 0),
        # An output in two shapes: the second is a copy.
        ([FIRST, ("RESHAPE", "ReshapeOptions", ["one"], "view")], ["one", "view"], 0),
        # An input in another shape: the inputs of a model are not written, and an output is no input.
        ([("RESHAPE", "ReshapeOptions", ["fed"], "view")], ["view"], 0),
    ],
)  # fmt: skip
def test_what_shares_memory_and_what_does_not(
    operators: list[tuple[str, str, list[str], str]], wanted: list[str], arena_bytes: int
) -> None:
    """Values lie where their source was only where nobody needs it any more."""
    graph, steps = planned(branched(operators, wanted), TARGET)
    placement = place(graph, steps)
    assert walked(graph, steps, placement) == placement.bound_bytes == arena_bytes == placement.arena_bytes
