"""Choice of the values that lie in planes between two convolutions: as many as the board has memory for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tinysine.codegen.kernels.planes import (
    Planes,
    is_pair,
    planes_between,
    read_pairs,
    read_planes,
    write_pairs,
    write_planes,
)
from tinysine.codegen.place import place
from tinysine.codegen.steps import Room, Step
from tinysine.graph import Graph


def join_by_planes(graph: Graph, steps: Sequence[Step], room: Room) -> list[Step]:
    """Let convolutions write the planes that depthwise ones read, where nothing else reads the value.

    What a depthwise convolution makes is widened for the pointwise one that reads it. While the arena does not fit the
    board, this is given up first, then the largest planes.

    Args:
        graph: whose values.
        steps: one for each node, in order.
        room: of the board.
    """
    joints = _joints(graph, steps)
    while joints:
        joined = _joined(steps, joints)
        for each in (_widened(graph, joined, joints), joined):
            if place(graph, each).arena_bytes <= room.ram_bytes:
                return each
        joints.pop(max(joints, key=lambda joint: joints[joint].nbytes))
    return list(steps)


def _joints(graph: Graph, steps: Sequence[Step]) -> dict[tuple[int, int], Planes]:
    """Find the pairs of steps, by number, that may be joined."""
    return {
        (maker, number): planes
        for maker, number in _neighbours(graph, steps)
        if (planes := planes_between(steps[maker], steps[number])) is not None
    }


def _neighbours(graph: Graph, steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of two steps of which the second alone reads what the first one makes."""
    reads = Counter(id(value) for node in graph.nodes for value in node.sources)
    reads.update(id(value) for value in graph.wanted)
    makers = {id(step.node.result): number for number, step in enumerate(steps)}
    for number, step in enumerate(steps):
        source = id(step.node.source)
        if reads[source] == 1 and source in makers:
            yield makers[source], number


def _widened(graph: Graph, steps: Sequence[Step], joints: Mapping[tuple[int, int], Planes]) -> list[Step]:
    widened, read = list(steps), {reader: planes for (_maker, reader), planes in joints.items()}
    for maker, number in _neighbours(graph, steps):
        if is_pair(steps[maker], steps[number]):
            widened[maker] = write_pairs(steps[maker], maker, read[maker])
            widened[number] = read_pairs(steps[number])
    return widened


def _joined(steps: Sequence[Step], joints: Mapping[tuple[int, int], Planes]) -> list[Step]:
    joined = list(steps)
    for (maker, number), planes in joints.items():
        joined[maker] = write_planes(steps[maker], maker, planes)
        joined[number] = read_planes(steps[number], number, planes)
    return joined
