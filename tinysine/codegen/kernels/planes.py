"""A convolution and the depthwise one that reads it, joined by planes: firmware/engine/planes.h, depthwise_planes.h."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinysine.codegen.kernels.convolution import is_pointwise
from tinysine.codegen.kernels.depthwise_3x3 import CHANNEL_BYTES, channels_table
from tinysine.codegen.scaled_sum import ScaledSum, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table
from tinysine.graph.convolution import Convolution

_GROUP = 4  # channels that stand together
_QUAD_BYTES = 16
_READER = "ts_depthwise_planes_s8"
_SCRATCH = ", (int8_t *){scratch}"
# Kernels that can read pairs of pixels: the one that does.
_OF_PAIRS = {"ts_lanes_short_s8": "ts_lanes_pairs_s8", "ts_lanes_planes_s8": "ts_lanes_pairs_planes_s8"}
# Kernels that can write planes: (the one that does, whether it takes scratch).
_WRITERS = {
    "ts_lanes_short_s8": ("ts_lanes_planes_s8", _SCRATCH),
    "ts_pointwise_8_s8": ("ts_pointwise_8_planes_s8", ""),
    "ts_rgb_s8": ("ts_rgb_planes_s8", ", {scratch}"),
}


@dataclass(frozen=True)
class Planes:
    """Planes of a value: its image, and the padding around it that the depthwise convolution wants.

    Attributes:
        image: rows and columns.
        channels: a multiple of four.
        lines, pairs: of a plane, padding included; a pair is two columns.
        before: rows and columns of padding before the image.
        zero_point: which the padding holds.
        sums: requantisation of each channel in the depthwise convolution.
    """

    image: tuple[int, int]
    channels: int
    lines: int
    pairs: int
    before: tuple[int, int]
    zero_point: int
    sums: tuple[ScaledSum, ...]

    @property
    def nbytes(self) -> int:
        """Of all planes."""
        return self.channels // _GROUP * self.lines * self.pairs * _QUAD_BYTES

    @property
    def fields(self) -> list[int]:
        """Of `struct ts_planes`."""
        size = (self.lines, self.pairs)
        return [self.channels // _GROUP, *self.image, *size, *self.before, self.zero_point]


def planes_between(writer: Step, reader: Step) -> Planes | None:
    """Return the planes by which a step may hand its result to the next one; None where their kernels do not fit."""
    made, node = writer.node, reader.node
    if writer.kernel not in _WRITERS or node.operator != "DEPTHWISE_CONV_2D":
        return None
    assert isinstance(made, Convolution)
    assert isinstance(node, Convolution)
    planes = _planes_of(node)
    if planes is None or made.source.shape[0] != 1 or made.outputs != planes.channels:
        return None
    if writer.kernel == "ts_lanes_short_s8" and not (is_pointwise(made) and made.inputs % 4 == 0):
        return None
    if (
        writer.kernel == "ts_pointwise_8_s8" and planes.before[1] % 2
    ):  # it stores both columns of a word at once
        return None
    return planes


def is_pair(writer: Step, reader: Step) -> bool:
    """Tell whether a step that reads planes may widen its result for the step that reads that."""
    if writer.kernel != _READER or reader.kernel not in _OF_PAIRS:
        return False
    node = reader.node
    assert isinstance(node, Convolution)
    return is_pointwise(node) and node.inputs % _GROUP == 0 and node.outputs % _GROUP == 0


def write_pairs(step: Step, number: int, planes: Planes) -> Step:
    """Return the step, which reads planes, with its result as pairs of columns of 16-bit codes."""
    return replace(
        step,
        tables=_tables(step, number, planes, pairs=True),
        result_bytes=2 * step.node.result.nbytes,
        reason=f"{step.reason}; into pairs of pixels, widened",
    )


def read_pairs(step: Step) -> Step:
    """Return the step whose source is pairs of pixels, widened."""
    kernel = _OF_PAIRS[step.kernel]
    return replace(
        step,
        kernel=kernel,
        call=step.call.replace(step.kernel, kernel).replace(_SCRATCH, ""),
        scratch_bytes=0,
    )


def _planes_of(node: Convolution) -> Planes | None:
    window = node.window
    images, *image, channels = node.source.shape
    if window.kernel != (3, 3) or window.dilation != (1, 1) or window.stride not in {(1, 1), (2, 2)}:
        return None
    if images != 1 or node.outputs != channels or channels % _GROUP or max(window.before) >= 3:
        return None
    if window.output[0] % 2 or window.output[1] % 2 or image[1] % 2:
        return None
    stride, before = window.stride[0], window.before
    lines, pairs = (window.output[0] - 1) * stride + 3, window.output[1] // 2 * stride + 1
    if before[0] + image[0] > lines or before[1] + image[1] > 2 * pairs:
        return None  # the last rows or columns are in no window
    sums = scaled_sums(node)
    if sums is None or not all(scaled.short for scaled in sums):
        return None
    return Planes(
        image=(image[0], image[1]),
        channels=channels,
        lines=lines,
        pairs=pairs,
        before=before,
        zero_point=node.source.codes.zero_point,
        sums=sums,
    )


def write_planes(step: Step, number: int, planes: Planes) -> Step:
    """Return the step whose result goes to planes."""
    kernel, scratch = _WRITERS[step.kernel]
    tables = f"static const struct ts_planes ts_engine_planes_{number} = {{\n{table(planes.fields)},\n}};\n"
    layer = f"&ts_engine_layer_{number}, &ts_engine_planes_{number}"
    return replace(
        step,
        kernel=kernel,
        tables=step.tables + tables,
        call=f"{kernel}({layer}, {{source0}}, {{target}}{scratch});",
        constant_bytes=step.constant_bytes + STRUCT_BYTES["ts_planes"],
        result_bytes=planes.nbytes,
        reason=f"{step.reason}; into planes of the next layer",
    )


def read_planes(step: Step, number: int, planes: Planes) -> Step:
    """Return the step whose source is in planes."""
    node = step.node
    assert isinstance(node, Convolution)
    return replace(
        step,
        kernel=_READER,
        headers=("depthwise_planes.h",),
        tables=_tables(step, number, planes, pairs=False),
        call=f"{_READER}(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=CHANNEL_BYTES * node.outputs + STRUCT_BYTES["ts_depthwise_planes"],
        scratch_bytes=0,
        reason="3 x 3, from planes that the layer before writes",
    )


def _tables(step: Step, number: int, planes: Planes, *, pairs: bool) -> str:
    """The tables of a step that reads planes; the last field of `struct ts_depthwise_planes` asks for pairs."""
    node = step.node
    assert isinstance(node, Convolution)
    stride, output = node.window.stride[0], node.window.output
    return (
        f"{channels_table(node, number, planes.sums, axis=1)}"
        f"static const struct ts_depthwise_planes ts_engine_layer_{number} = {{\n"
        f"    ts_engine_channels_{number},\n    {{{', '.join(map(str, planes.fields))}}},\n"
        f"{table([stride, *output, int(pairs)])},\n}};\n"
    )
