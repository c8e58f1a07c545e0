"""Addresses of a graph's values and of the kernels' scratch: memory is reused after the last step that needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinysine.codegen.steps import Step
from tinysine.codegen.text import end_name
from tinysine.graph import Graph, Value

ALIGNMENT = 4
_ORDERS = 200  # tried, where the first one wastes memory
_PAIRS = 15_000_000  # of blocks that are compared in all: a second


@dataclass(frozen=True)
class Placement:
    """Addresses of all values and scratch of an engine.

    Attributes:
        expressions: by id of a value: the C expression of where it is, without a cast.
        scratch: by the number of a step: offset in the arena, bytes.
        arena_bytes: of the arena.
        alive_bytes: by the number of a step: the sum of what is alive while it runs.
        copies: numbers of the steps whose alias has to be a copy after all.
        repeated: outputs that are the same value as one before: (C expressions from and to, bytes).
    """

    expressions: Mapping[int, str]
    scratch: Mapping[int, int]
    arena_bytes: int
    alive_bytes: tuple[int, ...]
    copies: frozenset[int]
    repeated: tuple[tuple[str, str, int], ...]

    @property
    def bound_bytes(self) -> int:
        """The largest sum of what is alive at once: no placement takes less."""
        return max(self.alive_bytes, default=0)


@dataclass
class _Block:
    """Memory for values that share it, or for scratch; alive in steps first to last, both included."""

    size: int
    first: int
    last: int
    fixed: str = ""
    offset: int = 0


def place(graph: Graph, steps: Sequence[Step]) -> Placement:
    """Place every value and all scratch.

    Inputs and outputs of the model have buffers of their own, which live on from call to call; the rest shares the
    arena.

    Args:
        graph: whose values.
        steps: one for each node, in order.
    """
    blocks: dict[int, _Block] = {}
    for number, value in enumerate(graph.given):
        blocks[id(value)] = _Block(value.nbytes, 0, len(steps), fixed=_end("input", number, graph.given))
    wanted: dict[int, str] = {}
    repeated = []
    for number, value in enumerate(graph.wanted):
        end = _end("output", number, graph.wanted)
        if id(value) in wanted:
            repeated.append((wanted[id(value)], end, value.nbytes))
        wanted.setdefault(id(value), end)
    last_read = {id(value): number for number, step in enumerate(steps) for value in step.node.sources}
    copies = set()
    for number, step in enumerate(steps):
        result, source = step.node.result, blocks[id(step.node.source)]
        fixed = wanted.get(id(result), "")
        last = len(steps) if fixed else last_read.get(id(result), number)
        reused = step.alias or (
            step.in_place and not source.fixed and source.last == number and result.nbytes <= source.size
        )
        # An output's buffer is as large as the output, which another value of the block may exceed.
        if reused and not (fixed and (source.fixed or source.size > result.nbytes)):
            source.last = max(source.last, last)
            source.fixed = source.fixed or fixed
            source.size = max(source.size, result.nbytes)
            blocks[id(result)] = source
            continue
        if step.alias:
            copies.add(number)
        blocks[id(result)] = _Block(step.result_bytes or result.nbytes, number, last, fixed=fixed)
        for value in step.node.sources:
            blocks[id(value)].last = max(blocks[id(value)].last, number)
    scratch = {
        number: _Block(step.scratch_bytes, number, number)
        for number, step in enumerate(steps)
        if step.scratch_bytes
    }
    movable = [block for block in {id(block): block for block in blocks.values()}.values() if not block.fixed]
    movable += scratch.values()
    arena_bytes, alive = _pack(movable, len(steps))
    return Placement(
        expressions={
            key: block.fixed or f"ts_engine_arena + {block.offset}" for key, block in blocks.items()
        },
        scratch={number: block.offset for number, block in scratch.items()},
        arena_bytes=arena_bytes,
        alive_bytes=tuple(alive),
        copies=frozenset(copies),
        repeated=tuple(repeated),
    )


def _end(end: str, number: int, values: Sequence[Value]) -> str:
    return f"ts_engine_ends.{end_name(end, number, len(values))}"


def _pack(blocks: list[_Block], steps: int) -> tuple[int, list[int]]:
    """Give each block an offset; returns (the bytes of all, those alive in each step)."""
    for block in blocks:
        block.size = -(-block.size // ALIGNMENT) * ALIGNMENT
    alive = [
        sum(block.size for block in blocks if block.first <= step <= block.last) for step in range(steps)
    ]
    bound = max(alive, default=0)
    by_size = sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].first))
    best, total = _offsets(blocks, by_size), 0
    total = max((at + blocks[i].size for i, at in best.items()), default=0)
    rng = np.random.default_rng(0)
    for _ in range(min(_ORDERS, _PAIRS // max(len(blocks), 1) ** 2)):
        if total == bound:
            break
        # Neighbours of the order by size: large blocks first is nearly always right.
        keys = [-blocks[i].size * rng.uniform(0.5, 1.5) for i in range(len(blocks))]
        order = sorted(range(len(blocks)), key=keys.__getitem__)
        offsets = _offsets(blocks, order)
        size = max((at + blocks[i].size for i, at in offsets.items()), default=0)
        if size < total:
            best, total = offsets, size
    for i, at in best.items():
        blocks[i].offset = at
    return total, alive


def _offsets(blocks: list[_Block], order: Sequence[int]) -> dict[int, int]:
    """Put each block, in turn, at the lowest offset that is free as long as it lives."""
    placed: dict[int, int] = {}
    for i in order:
        taken = sorted(
            (at, at + blocks[j].size)
            for j, at in placed.items()
            if blocks[j].first <= blocks[i].last and blocks[i].first <= blocks[j].last
        )
        at = 0
        for start, end in taken:
            if start - at >= blocks[i].size:
                break
            at = max(at, end)
        placed[i] = at
    return placed
