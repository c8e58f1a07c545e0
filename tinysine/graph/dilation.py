"""SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: one dilated convolution, as older converters write it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tinysine.errors import ModelError
from tinysine.graph.convolution import Convolution
from tinysine.graph.graph import Node, Value
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.operators.reshape import Reshape
from tinysine.graph.phases import BatchToSpace, Phases, SpaceToBatch
from tinysine.graph.windows import MAX_STEP, Window, check_extents
from tinysine.quantization import Rounding

_ALONE = (
    "is supported only as a part of a dilated convolution: SPACE_TO_BATCH_ND, a convolution with stride 1, "
    "BATCH_TO_SPACE_ND"
)


@dataclass(frozen=True, eq=False)
class DilatedConvolution(Convolution):
    """A convolution that such steps are.

    Attributes:
        padded: SPACE_TO_BATCH_ND adds codes to the image.
    """

    padded: bool

    def with_rounding(self, rounding: Rounding) -> DilatedConvolution:
        """Return the node itself, where the reference has an answer.

        Raises:
            ModelError: TensorFlow Lite Micro pads by a number that it does not initialise.
        """
        if self.padded and rounding is not Rounding.LITERT:
            raise ModelError(
                f"layer {self.result.name!r}: TensorFlow Lite Micro pads SPACE_TO_BATCH_ND with memory that it has not "
                "set, so there is no answer to equal",
                hint="judge it by LiteRT: --reference litert",
                operator="SPACE_TO_BATCH_ND",
                tensor=self.result.name,
            )
        return self


def fuse_dilations(
    read: Sequence[tuple[Node, OperatorReader]], wanted: Collection[Value]
) -> tuple[Node, ...]:
    """Replace such steps by one convolution each.

    Args:
        read: nodes in their order, and what has read them.
        wanted: outputs of the model.
    Raises:
        ModelError: one of the two operators without the others.
    """
    users: dict[int, list[int]] = {}
    for number, (node, _) in enumerate(read):
        for value in node.sources:
            users.setdefault(id(value), []).append(number)
    kept = {id(value) for value in wanted}
    nodes: list[tuple[Node, ...]] = [(node,) for node, _ in read]
    for number, (node, reader) in enumerate(read):
        if not isinstance(node, SpaceToBatch):
            continue
        chain = [number]
        while (
            not isinstance(read[chain[-1]][0], BatchToSpace) and len(chain) <= 4
        ):  # 3, and two changes of shape
            result = read[chain[-1]][0].result
            if id(result) in kept or len(users.get(id(result), [])) != 1:
                reader.refuse(_ALONE)
            chain += users[id(result)]
        for each in chain:
            nodes[each] = ()
        nodes[chain[-1]] = _fused([read[each][0] for each in chain], reader)
    left = [pair for pair, after in zip(read, nodes, strict=True) if after == (pair[0],)]
    for node, reader in left:
        if isinstance(node, BatchToSpace):
            reader.refuse(_ALONE)
    return tuple(node for several in nodes for node in several)


def _fused(chain: Sequence[Node], reader: OperatorReader) -> tuple[Node, ...]:
    """One convolution, between changes of shape where the space has one dimension."""
    first, *within, last = chain
    convolutions = [node for node in within if isinstance(node, Convolution)]
    reshapes = [node for node in within if isinstance(node, Reshape)]
    flat = len(first.source.shape) == 3
    if (
        not isinstance(first, SpaceToBatch)
        or not isinstance(last, BatchToSpace)
        or first.block != last.block
        or len(convolutions) != 1
        or within != [*reshapes[:1], *convolutions, *reshapes[1:]]
        or len(reshapes) != (2 if flat else 0)
        or first.source.shape[0] != last.result.shape[0]
    ):
        reader.refuse(_ALONE)
    convolution = convolutions[0]
    new = 0
    if flat:
        # Which of the two dimensions of space is the one that is new.
        fitting = [at for at in (1, 2) if _inserted(first.result.shape, at) == convolution.source.shape]
        fitting = [at for at in fitting if _inserted(last.source.shape, at) == convolution.result.shape]
        if not fitting:
            reader.refuse(_ALONE)
        new = fitting[0]
        first, last = _with_space(first, new), _with_space(last, new)
    window = _window(convolution.window, first, last, reader)
    fields = {field.name: getattr(convolution, field.name) for field in dataclasses.fields(convolution)}
    padded = any(max(margin) for margin in first.margins)
    dilated = DilatedConvolution(**{**fields, "window": window}, padded=padded)
    if not flat:
        return (dataclasses.replace(dilated, sources=first.sources, result=last.result),)
    space = dataclasses.replace(convolution.source, shape=_inserted(first.source.shape, new))
    result = dataclasses.replace(convolution.result, shape=_inserted(last.result.shape, new))
    return (
        dataclasses.replace(reshapes[0], sources=first.sources, result=space),
        dataclasses.replace(dilated, sources=(space,), result=result),
        dataclasses.replace(reshapes[1], sources=(result,), result=last.result),
    )


def _with_space(node: Phases, new: int) -> Phases:
    """Give a node of one dimension of space a second one, before or behind it."""
    at = new - 1
    block = (*node.block[:at], 1, *node.block[at:])
    margins = (*node.margins[:at], (0, 0), *node.margins[at:])
    return dataclasses.replace(node, block=block, margins=margins)


def _inserted(shape: tuple[int, ...], new: int) -> tuple[int, ...]:
    return (*shape[:new], 1, *shape[new:])


def _window(window: Window, first: Phases, last: Phases, reader: OperatorReader) -> Window:
    """The window over the image itself. Row y of phase p is row y * block + p, less the margin."""
    before, dilation, output = [], [], []
    for axis, block in enumerate(first.block):
        added, cut = first.margins[axis], last.margins[axis]
        before.append(added[0] - cut[0] + window.before[axis] * block)
        dilation.append(window.dilation[axis] * block)
        output.append(window.output[axis] * block - sum(cut))
    if window.stride != (1, 1) or min(before) < 0:
        reader.refuse(_ALONE)
    check_extents(reader, *first.source.shape, *before, *output)
    if max(dilation) > MAX_STEP:
        reader.refuse(f"makes the dilation {max(dilation)}; up to {MAX_STEP} are supported")
    return dataclasses.replace(
        window,
        before=(before[0], before[1]),
        dilation=(dilation[0], dilation[1]),
        output=(output[0], output[1]),
    )
