"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every so-many-th row and column apart, as images of their own.

They stand around a convolution, which is then one with a dilation: tinysine/graph/dilation.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.windows import MAX_STEP


@dataclass(frozen=True, eq=False)
class Phases(Node):
    """Either of the two.

    Attributes:
        block: how many phases, by dimension of space.
        margins: (before, after) that is added on the way to batches, or cut off on the way back, by dimension.
    """

    block: tuple[int, ...]
    margins: tuple[tuple[int, int], ...]


class SpaceToBatch(Phases):
    """From one image to its phases."""


class BatchToSpace(Phases):
    """From phases to one image."""


def read_phases(reader: OperatorReader, *, kind: type[Phases]) -> Phases:
    """Read either of the two.

    Args:
        reader: of the operator.
        kind: which.
    Raises:
        ModelError: blocks or margins that make no sense, or codes of another scale than the result's.
    """
    reader.demand_inputs(3)
    source = reader.source(0)
    batch, *sizes, channels = source.shape if len(source.shape) in {3, 4} else (0, 0)
    if not sizes:
        reader.refuse(f"has an input of {len(source.shape)} dimensions; 3 and 4 are supported")
    block, margins = reader.known(1), reader.known(2)
    if block.shape != (len(sizes),) or margins.shape != (len(sizes), 2):
        reader.refuse(
            f"has a block of shape {list(block.shape)} and margins of shape {list(margins.shape)} for {len(sizes)} "
            "dimensions of space"
        )
    if (block < 1).any() or (block > MAX_STEP).any() or (margins < 0).any():
        reader.refuse(
            f"has the block {block.tolist()}, each from 1 to {MAX_STEP}, and the margins {margins.tolist()}, from 0"
        )
    pairs = tuple((int(before), int(after)) for before, after in margins)
    node_block = tuple(int(n) for n in block)
    phases = int(block.prod())
    if kind is SpaceToBatch:
        wide = [size + sum(pair) for size, pair in zip(sizes, pairs, strict=True)]
        if any(size % step for size, step in zip(wide, node_block, strict=True)):
            reader.refuse(f"parts {wide} into blocks of {list(node_block)}, which leaves a rest")
        shape = [size // step for size, step in zip(wide, node_block, strict=True)]
        batches = {batch * phases, batch}
    else:
        shape = [size * step - sum(pair) for size, step, pair in zip(sizes, node_block, pairs, strict=True)]
        batches = {batch // phases or 1, batch}
    if any(size < 1 for size in shape):
        reader.refuse(f"leaves nothing of {sizes}")
    # A file with a free batch has 1 in its place, also where it is that of all phases.
    written = reader.written_shape[:1]
    first = written[0] if written and written[0] in batches else max(batches)
    result = reader.result(shape=(first, *shape, channels))
    reader.demand_equal_codes(source.codes, result, 0)
    return kind(operator=reader.name, sources=(source,), result=result, block=node_block, margins=pairs)
