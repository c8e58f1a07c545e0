"""PAD and PADV2: codes around a value."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader

MAX_RANK = 4


@dataclass(frozen=True, eq=False)
class Pad(Node):
    """A larger value with the source inside.

    Attributes:
        before: how many codes are added before the first, by dimension.
        code: that is added.
    """

    before: tuple[int, ...]
    code: int


def read_pad(reader: OperatorReader, *, code: int | None) -> Pad:
    """Read the paddings and the result.

    Args:
        reader: of the operator.
        code: that is added; None for the one that stands for 0.
    Raises:
        ModelError: paddings that make no sense, or codes of another scale than the result's.
    """
    source = reader.source(0)
    rank = len(source.shape)
    if not 1 <= rank <= MAX_RANK:
        reader.refuse(f"pads {rank} dimensions; 1 to {MAX_RANK} are supported")
    paddings = reader.known(1)
    if paddings.shape != (rank, 2):
        reader.refuse(f"has the shape {list(paddings.shape)} where {[rank, 2]} is needed", reader.tensor(1))
    if (paddings < 0).any():
        reader.refuse(f"has the negative padding {paddings.min()}", reader.tensor(1))
    pairs = [(int(before), int(after)) for before, after in paddings]
    shape = tuple(size + sum(pair) for size, pair in zip(source.shape, pairs, strict=True))
    result = reader.result(shape=shape)
    reader.demand_equal_codes(source.codes, result, 0)
    return Pad(
        operator=reader.name,
        sources=(source,),
        result=result,
        before=tuple(before for before, _ in pairs),
        code=result.codes.zero_point if code is None else code,
    )
