"""STRIDED_SLICE of a shape, known while reading."""

from __future__ import annotations

import numpy as np

from tinysine.graph.operator_reader import OperatorReader

OPTIONS = 32  # StridedSliceOptions
_BEGIN, _END, _ELLIPSIS, _NEW_AXIS, _SHRINK = range(5)


def read(reader: OperatorReader) -> None:
    """Fold a part of one list of sizes.

    Raises:
        ModelError: a part of data, or of more than a list; or one that is not there.
    """
    reader.demand_inputs(4)
    sizes = reader.known(0)
    if sizes.ndim != 1:
        reader.refuse(f"takes a part of shape {list(sizes.shape)}; only parts of a list are supported")
    begin, end, step = (_one(reader, position) for position in (1, 2, 3))
    masks = [reader.option(slot, "i", kind=OPTIONS) & 1 for slot in range(5)]
    if masks[_ELLIPSIS] or masks[_NEW_AXIS] or reader.option(5, "B", kind=OPTIONS):
        reader.refuse("has an ellipsis, a new axis or an offset, which are not supported")
    if step == 0:
        reader.refuse("has a stride of 0", reader.tensor(3))
    if not masks[_SHRINK]:
        part = sizes[slice(None if masks[_BEGIN] else begin, None if masks[_END] else end, step)]
        return reader.fold(part.astype(np.int32))
    first = 0 if masks[_BEGIN] else begin
    if not -len(sizes) <= first < len(sizes):
        reader.refuse(f"takes number {first} of a list of {len(sizes)}")
    return reader.fold(np.array(sizes[first], np.int32))


def _one(reader: OperatorReader, position: int) -> int:
    numbers = reader.numbers(position)
    if len(numbers) != 1:
        reader.refuse(f"has {len(numbers)} numbers for a list of one dimension", reader.tensor(position))
    return numbers[0]
