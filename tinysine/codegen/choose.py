"""Choice of the kernels of a graph: the fewest estimated cycles that fit the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinysine.codegen.kernels import ALTERNATIVES, KERNELS
from tinysine.codegen.place import place
from tinysine.codegen.planes import join_by_planes
from tinysine.codegen.steps import Room, Step, Target
from tinysine.graph import Graph


def choose_steps(graph: Graph, target: Target) -> list[Step]:
    """Plan every node.

    Each begins with its fastest kernel. While they do not fit the board, that one gives way to a smaller one which
    loses the fewest cycles for each byte that it saves.

    Args:
        graph: whose nodes.
        target: without room, no kernel is taken that needs more of it than the usual one.
    """
    usual = [KERNELS[node.operator](node, number, target) for number, node in enumerate(graph.nodes)]
    room = target.room
    if room is None:
        return usual
    return join_by_planes(graph, _fitting(graph, usual, target, room), room)


def _fitting(graph: Graph, usual: list[Step], target: Target, room: Room) -> list[Step]:
    options = [
        _fastest_first(step, ALTERNATIVES[step.node.operator](step.node, number, target))
        if step.node.operator in ALTERNATIVES
        else [step]
        for number, step in enumerate(usual)
    ]
    while any(len(ways) > 1 for ways in options):
        narrow, concerned = _scarce_memory(graph, [ways[0] for ways in options], room)
        if not narrow:
            break
        losses = [
            (loss, number, way)
            for number in concerned
            for way, other in enumerate(options[number])
            if (loss := _loss(options[number][0], other, narrow)) is not None
        ]
        if not losses:  # nothing is left to save: whoever builds it tells how much is missing
            return usual
        _, number, way = min(losses)
        given_up, better = options[number][0], options[number][way]
        reason = f"{better.reason}; {given_up.kernel} does not fit the {narrow}"
        options[number] = [
            replace(better, reason=reason),
            *options[number][1:way],
            *options[number][way + 1 :],
        ]
    return [ways[0] for ways in options]


def _fastest_first(usual: Step, others: Sequence[Step]) -> list[Step]:
    """Sort the ways to run a node; the usual one stays where its cycles are not known."""
    faster = sorted((way for way in others if way.cycles < usual.cycles), key=lambda way: way.cycles)
    return [*(replace(way, reason=f"{way.reason}; {_estimates(way, usual)}") for way in faster), usual]


def _estimates(way: Step, usual: Step) -> str:
    return f"{way.cycles:,} estimated cycles, {usual.cycles:,} with {usual.kernel}"


def _scarce_memory(graph: Graph, steps: Sequence[Step], room: Room) -> tuple[str, list[int]]:
    """Name the memory that is too small, and the steps that may need less of it; "" if all is well."""
    if sum(step.constant_bytes for step in steps) > room.flash_bytes:
        return "flash", list(range(len(steps)))
    placement = place(graph, steps)
    if placement.arena_bytes <= room.ram_bytes:
        return "", []
    most = min(placement.bound_bytes, room.ram_bytes + 1)
    return "RAM", [number for number, alive in enumerate(placement.alive_bytes) if alive >= most]


def _loss(now: Step, way: Step, narrow: str) -> float | None:
    """Cycles lost for each byte saved; None where nothing is saved."""
    saved = (
        now.constant_bytes - way.constant_bytes
        if narrow == "flash"
        else now.scratch_bytes - way.scratch_bytes
    )
    return (way.cycles - now.cycles) / saved if saved > 0 else None
