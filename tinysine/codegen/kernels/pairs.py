"""Parts that the kernels of ADD, SUB and MUL share: the walk over two operands, firmware/engine/pairs.h."""

from __future__ import annotations

from collections.abc import Sequence

from tinysine.graph.pairs import MAX_RANK, Pair


def in_place(node: Pair) -> bool:
    """Tell whether the result may replace the first source: each element is read once, just before it is written."""
    first = next(operand for operand in node.operands if operand.constant is None)
    return first.shape == node.result.shape


def walk(node: Pair, order: tuple[int, int] = (0, 1)) -> str:
    """Return an initialiser of `struct ts_pairs`; `order` says which operand is the kernel's first."""
    counts, first, second = walked([node.operands[i].shape for i in order], node.result.shape)
    return "{" + ", ".join("{" + ", ".join(map(str, each)) + "}" for each in (counts, first, second)) + "}"


def walked(
    shapes: Sequence[tuple[int, ...]], result: tuple[int, ...]
) -> tuple[list[int], list[int], list[int]]:
    """Return counts and both operands' steps, [MAX_RANK] each, of as few dimensions as will do.

    Args:
        shapes: of the two operands.
        result: that they broadcast to; more than MAX_RANK dimensions only where they are equal.
    """
    steps = [_steps(shape, len(result)) for shape in shapes]
    dims: list[tuple[int, int, int]] = []
    for count, one, other in zip(result, *steps, strict=True):
        if count == 1:
            continue
        # The dimension before goes over whole rows of this one, in both operands: together they are one.
        if dims and dims[-1][1] == one * count and dims[-1][2] == other * count:
            dims[-1] = (dims[-1][0] * count, one, other)
        else:
            dims.append((count, one, other))
    padded = [(1, 0, 0)] * (MAX_RANK - len(dims)) + dims
    counts, firsts, seconds = (list(each) for each in zip(*padded, strict=True))
    return counts, firsts, seconds


def _steps(shape: tuple[int, ...], rank: int) -> list[int]:
    steps, step = [], 1
    for count in reversed((1,) * (rank - len(shape)) + shape):
        steps.append(0 if count == 1 else step)
        step *= count
    return steps[::-1]
