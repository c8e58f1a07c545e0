"""Choice of the values that lie in planes between two convolutions: as many as the board has memory for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tinysine.codegen.kernels.planes import Planes, planes_between, read_planes, write_planes
from tinysine.codegen.place import place
from tinysine.codegen.steps import Room, Step
from tinysine.graph import Graph


def join_by_planes(graph: Graph, steps: Sequence[Step], room: Room) -> list[Step]:
    """Let convolutions write the planes that depthwise ones read, where nothing else reads the value.

    The largest planes are given up first, while the arena does not fit the board.

    Args:
        graph: whose values.
        steps: one for each node, in order.
        room: of the board.
    """
    joints = _joints(graph, steps)
    while joints:
        joined = _joined(steps, joints)
        if place(graph, joined).arena_bytes <= room.ram_bytes:
            return joined
        joints.pop(max(joints, key=lambda joint: joints[joint].nbytes))
    return list(steps)


def _joints(graph: Graph, steps: Sequence[Step]) -> dict[tuple[int, int], Planes]:
    """Find the pairs of steps, by number, that may be joined."""
    reads = Counter(id(value) for node in graph.nodes for value in node.sources)
    reads.update(id(value) for value in graph.wanted)
    makers = {id(step.node.result): number for number, step in enumerate(steps)}
    joints = {}
    for number, step in enumerate(steps):
        source = id(step.node.source)
        if reads[source] != 1 or source not in makers:
            continue
        maker = makers[source]
        if (planes := planes_between(steps[maker], step)) is not None:
            joints[maker, number] = planes
    return joints


def _joined(steps: Sequence[Step], joints: Mapping[tuple[int, int], Planes]) -> list[Step]:
    joined = list(steps)
    for (maker, number), planes in joints.items():
        joined[maker] = write_planes(steps[maker], maker, planes)
        joined[number] = read_planes(steps[number], number, planes)
    return joined
