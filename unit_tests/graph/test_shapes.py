"""Operators that move codes, or only tell of shapes: what makes no sense is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import Graph, parse_network
from tinysine.tflite.graph_writer import GraphWriter

SHAPE = (1, 2, 3)
OTHER, FUSED = {"scale": 0.2}, {"fusedActivationFunction": 1}


class Sketch:
    """A model of one data operator between an input and an output."""

    def __init__(self, shape: tuple[int, ...] = (1, 2, 3)) -> None:
        self.graph = GraphWriter()
        self.first = self.data("first", shape)

    def data(self, name: str, shape: tuple[int, ...], **options: Any) -> int:
        """Add int8 codes."""
        return self.graph.tensor(name, "int8", shape, **{"scale": 0.1, **options})

    def ints(self, name: str, values: Any) -> int:
        """Add stored int32."""
        array = np.array(values, np.int32)
        return self.graph.tensor(name, "int32", array.shape, data=array)

    def finish(self, operator: str, inputs: list[int], shape: tuple[int, ...], **fields: Any) -> bytes:
        """Add the operator and its output."""
        last = self.data("last", shape, **fields.pop("last", {}))
        options = fields.pop("options", None)
        self.graph.operator(operator, inputs, [last], options, fields)
        return self.graph.finish([self.first], [last])


def join(shapes: tuple[tuple[int, ...], ...], to: tuple[int, ...], **fields: Any) -> bytes:
    """Join values of these shapes, each reshaped from the input or padded from it."""
    sketch = Sketch(shapes[0])
    parts = [sketch.first]
    for number, shape in enumerate(shapes[1:]):
        part = sketch.data(f"part{number}", shape, scale=fields.get("scale", 0.1))
        sketch.graph.operator("RESHAPE", [sketch.first], [part])
        parts.append(part)
    fields.pop("scale", None)
    return sketch.finish("CONCATENATION", parts, to, options="ConcatenationOptions", **fields)


def pad(paddings: Any, to: tuple[int, ...], *, shape: tuple[int, ...] = (1, 2, 3), **fields: Any) -> bytes:
    """Pad the input."""
    sketch = Sketch(shape)
    tensors = [sketch.first, sketch.ints("paddings", paddings)]
    if "code" in fields:
        code = np.array(fields.pop("code"), np.int8)
        tensors.append(sketch.data("code", code.shape, data=code, scale=fields.pop("scale", 0.1)))
        return sketch.finish("PADV2", tensors, to, **fields)
    return sketch.finish("PAD", tensors, to, **fields)


def padded_by_data() -> bytes:
    """Pad by what is computed."""
    sketch = Sketch()
    return sketch.finish("PAD", [sketch.first, sketch.first], (1, 2, 3))


def expand(axis: Any, to: tuple[int, ...]) -> bytes:
    """Add a dimension."""
    sketch = Sketch()
    return sketch.finish("EXPAND_DIMS", [sketch.first, sketch.ints("axis", axis)], to)


def squeeze(axes: list[int], to: tuple[int, ...]) -> bytes:
    """Take dimensions away."""
    sketch = Sketch((1, 2, 1, 3))
    return sketch.finish("SQUEEZE", [sketch.first], to, options="SqueezeOptions", squeezeDims=axes)


def reshape(asked: Any, to: tuple[int, ...], **fields: Any) -> bytes:
    """Change the shape."""
    sketch = Sketch()
    return sketch.finish("RESHAPE", [sketch.first, sketch.ints("asked", asked)], to, **fields)


def flatten(
    *,
    part: tuple[Any, Any, Any] = ([0], [1], [1]),
    masks: dict[str, Any] | None = None,
    of: str = "sizes",
    pack: dict[str, Any] | None = None,
    batch: tuple[int, ...] = (),
    sizes: tuple[int, ...] = (3,),
    to: tuple[int, ...] = (1, 6),
) -> bytes:
    """Flatten with a free batch, as Keras writes it; what is not changed is sound."""
    sketch = Sketch()
    graph = sketch.graph
    listed = graph.tensor("sizes", "int32", sizes)
    graph.operator("SHAPE", [sketch.first], [listed], "ShapeOptions", {"outType": 2})
    one = graph.tensor("batch", "int32", batch)
    ends = [sketch.ints(f"end{i}", values) for i, values in enumerate(part)]
    source = sketch.first if of == "data" else listed
    fields = {"shrinkAxisMask": 1} if masks is None else masks
    graph.operator("STRIDED_SLICE", [source, *ends], [one], "StridedSliceOptions", fields)
    packed = graph.tensor("packed", "int32", (2,))
    rest = sketch.first if of == "pack" else sketch.ints("rest", -1)
    graph.operator("PACK", [one, rest], [packed], "PackOptions", pack or {"valuesCount": 2})
    return sketch.finish("RESHAPE", [sketch.first, packed], to)


@pytest.mark.parametrize(
    ("build", "problem", "operator", "tensor"),
    [
        (lambda: join(((1, 2, 3), (1, 3, 2)), (1, 2, 5), axis=2), "do not go together", "CONCATENATION", "last"),
        (lambda: join(((1, 2, 3), (1, 6)), (1, 2, 5), axis=2), "axis", "CONCATENATION", "last"),
        (lambda: join((SHAPE, SHAPE), (1, 2, 6), axis=3), "has the axis 3", "CONCATENATION", "last"),
        (lambda: join((SHAPE, SHAPE), (1, 2, 6), axis=-4), "has the axis -4", "CONCATENATION", "last"),
        (lambda: join((SHAPE, SHAPE), (1, 2, 5), axis=2), "operator makes [1, 2, 6]", "CONCATENATION", "last"),
        (lambda: join((SHAPE, SHAPE), (1, 2, 6), axis=2, last=OTHER), "must be equal", "CONCATENATION", "first"),
        (lambda: join((SHAPE, SHAPE), (1, 2, 6), axis=2, **FUSED), "fused activation", "CONCATENATION", "last"),
        (lambda: join(((1, 2, 3),) * 11, (1, 2, 33), axis=2), "has 11 inputs", "CONCATENATION", "last"),
        (lambda: pad([[0, 0], [1, 1]], (1, 4, 3)), "[3, 2] is needed", "PAD", "paddings"),
        (lambda: pad([[0, 0], [-1, 0], [0, 0]], (1, 1, 3)), "negative padding -1", "PAD", "paddings"),
        (lambda: pad([[0, 0], [1, 0], [0, 0]], (1, 2, 3)), "operator makes [1, 3, 3]", "PAD", "last"),
        (lambda: pad([[0, 0]] * 5, (1,) * 5, shape=(1,) * 5), "pads 5 dimensions", "PAD", "last"),
        (lambda: pad([[0, 0]] * 3, (1, 2, 3), last={"zero_point": 1}), "must be equal", "PAD", "first"),
        (lambda: pad([[0, 0], [2**31 - 1, 2], [0, 0]], (1, 3, 3)), "operator makes", "PAD", "last"),
        (lambda: pad([[0, 0]] * 3, (1, 2, 3), code=[1, 2]), "has 2 codes", "PADV2", "code"),
        (lambda: pad([[0, 0]] * 3, (1, 2, 3), code=[1], scale=0.3), "must be equal", "PADV2", "code"),
        (padded_by_data, "has int8 data where int32", "PAD", "first"),
        (lambda: expand([4], (1, 2, 3, 1)), "has the axis 4", "EXPAND_DIMS", "last"),
        (lambda: expand([0, 1], (1, 1, 2, 3)), "has 2 axes", "EXPAND_DIMS", "axis"),
        (lambda: expand([3], (1, 1, 2, 3)), "operator makes [1, 2, 3, 1]", "EXPAND_DIMS", "last"),
        (lambda: squeeze([1], (1, 1, 3)), "not all of 1", "SQUEEZE", "last"),
        (lambda: squeeze([4], (2, 3)), "has the axis 4", "SQUEEZE", "last"),
        (lambda: squeeze([0] * 7, (2, 1, 3)), "has 7 numbers", "SQUEEZE", "last"),
        (lambda: squeeze([0], (2, 3)), "operator makes [2, 1, 3]", "SQUEEZE", "last"),
        (lambda: reshape([1, 5], (1, 6)), "asks for the shape [1, 5]", "RESHAPE", "last"),
        (lambda: reshape([-1, -1], (1, 6)), "asks for the shape [-1, -1]", "RESHAPE", "last"),
        (lambda: reshape([1, 5], (1, 5)), "another number of elements", "RESHAPE", "last"),
        (lambda: reshape([1, 6], (1, 6), last={"scale": 0.2}), "must be equal", "RESHAPE", "first"),
        (lambda: reshape([1, 6], (1, 6), last={"scale": 0.0}), "has the scale 0", "RESHAPE", "last"),
        (lambda: flatten(of="data"), "has int8 data where int32", "STRIDED_SLICE", "first"),
        (lambda: flatten(of="pack"), "has int8 data where int32", "PACK", "first"),
        (lambda: flatten(part=([3], [4], [1])), "takes number 3 of a list of 3", "STRIDED_SLICE", "batch"),
        (lambda: flatten(part=([0], [1], [0])), "stride of 0", "STRIDED_SLICE", "end2"),
        (lambda: flatten(part=([0, 0], [1, 1], [1, 1])), "has 2 numbers", "STRIDED_SLICE", "end0"),
        (lambda: flatten(masks={}), "operator makes [1]", "STRIDED_SLICE", "batch"),
        (lambda: flatten(masks={"ellipsisMask": 1}), "ellipsis", "STRIDED_SLICE", "batch"),
        (lambda: flatten(masks={}, batch=(1,)), "packs lists", "PACK", "packed"),
        (lambda: flatten(pack={"axis": 1}), "has the axis 1", "PACK", "packed"),
        (lambda: flatten(sizes=(4,)), "operator makes [3]", "SHAPE", "sizes"),
        (lambda: flatten(to=(6, 1)), "asks for the shape [1, -1]", "RESHAPE", "last"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(
    build: Callable[[], bytes], problem: str, operator: str | None, tensor: str
) -> None:
    """Operator and tensor are told."""
    with pytest.raises(ModelError) as caught:
        parse_network(build(), file="m.tflite")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (caught.value.facts["operator"], caught.value.facts["tensor"]) == (operator, tensor)


def test_flatten_with_a_free_batch_is_one_change_of_shape() -> None:
    """SHAPE, STRIDED_SLICE and PACK are known while reading: no step is left of them."""
    network = parse_network(flatten(), file="m.tflite")
    assert isinstance(network, Graph)
    assert [node.operator for node in network.nodes] == ["RESHAPE"]
    assert network.nodes[0].result.shape == (1, 6)
