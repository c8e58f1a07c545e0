"""Tables of firmware/engine/depthwise.h: depthwise 3 x 3 in planes of 16-bit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinysine.codegen.scaled_sum import SCALE, ScaledSum, scaled_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table
from tinysine.graph.convolution import Convolution

CHANNEL_BYTES = 40  # of struct ts_depthwise_channel
_PLANES = 4  # at a time
# Cycles, estimated: by stride, of a block of two outputs along, for two lines and for one; and of a strip.
_LINES, _STRIP = {1: (66, 40), 2: (75, 44)}, 20


@dataclass(frozen=True)
class _Way:
    """One of the two ways to lay planes: along the columns (axis 1) or along the rows (axis 0)."""

    axis: int
    stride: int
    along: int  # outputs
    across: int

    @property
    def blocks(self) -> int:
        return -(-self.along // 2)

    @property
    def lines(self) -> int:
        return (self.across - 1) * self.stride + 3

    @property
    def pairs(self) -> int:
        return self.blocks * self.stride + 1

    @property
    def cycles(self) -> int:
        """Of one plane, for comparison."""
        strips = zip(divmod(self.across, 2), _LINES[self.stride], strict=True)
        return sum(count * (self.blocks * cycles + _STRIP) for count, cycles in strips)


def plan_3x3(node: Convolution, number: int) -> Step | None:
    """Plan a depthwise convolution of 3 x 3 taps; None where the kernel does not fit it."""
    window = node.window
    if window.kernel != (3, 3) or window.dilation != (1, 1) or window.stride not in {(1, 1), (2, 2)}:
        return None
    if max(window.before) >= 3:  # only where a dilated convolution was spelled with a margin of its own
        return None
    stride = window.stride[0]
    ways = [_Way(axis, stride, window.output[axis], window.output[1 - axis]) for axis in (1, 0)]
    ways = [way for way in ways if way.along >= 2]
    if not ways or (sums := scaled_sums(node)) is None:
        return None
    way = min(ways, key=lambda way: way.cycles)
    slow = sum(not scaled.short for scaled in sums)
    name = "ts_depthwise_3x3_s8" if stride == 1 else "ts_depthwise_3x3_stride_2_s8"
    tables = (
        f"{channels_table(node, number, sums, axis=way.axis)}"
        f"static const struct ts_depthwise ts_engine_layer_{number} = {{\n"
        f"    ts_engine_channels_{number},\n{table([*_fields(node, way), int(slow == 0)])},\n}};\n"
    )
    return Step(
        node=node,
        kernel=name,
        headers=("depthwise.h",),
        tables=tables,
        call=f"{name}(&ts_engine_layer_{number}, {{source0}}, {{target}}, {{scratch}});",
        constant_bytes=CHANNEL_BYTES * node.outputs + STRUCT_BYTES["ts_depthwise"],
        scratch_bytes=4 * _PLANES * way.lines * way.pairs,
        reason=f"3 x 3, planes along the {'columns' if way.axis else 'rows'}"
        + (f"; {slow} of {node.outputs} channels have no short requantisation" if slow else ""),
    )


def channels_table(node: Convolution, number: int, sums: Sequence[ScaledSum], *, axis: int) -> str:
    """Write the table of the channels' constants.

    Args:
        node: of 3 x 3 taps.
        number: of the step.
        sums: of its channels.
        axis: along which words hold two inputs: 1 for columns, 0 for rows.
    """
    weights = node.weights.reshape(node.outputs, 3, 3).astype(np.int32)
    if axis == 0:
        weights = weights.transpose(0, 2, 1)
    pairs = (SCALE * weights)[:, :, [0, 1, 1, 2]].astype(np.int16).reshape(node.outputs, 12)
    words = np.ascontiguousarray(pairs).view("<i4")
    channels = table(
        f"{{{{{', '.join(map(str, row))}}}, {scaled.bias}, {scaled.initialiser}}}"
        for row, scaled in zip(words, sums, strict=True)
    )
    return f"static const struct ts_depthwise_channel ts_engine_channels_{number}[] = {{\n{channels}\n}};\n"


def _fields(node: Convolution, way: _Way) -> list[object]:
    images, rows, columns, inputs = node.source.shape
    size = (rows, columns)
    output = node.window.output
    along, across = way.axis, 1 - way.axis
    steps = (columns * inputs, inputs)  # bytes from a row, a column to the next
    output_steps = (output[1] * node.outputs, node.outputs)
    limits = (node.result.codes.zero_point, node.clamp_min, node.clamp_max)
    return [
        f"{{{', '.join(map(str, limits))}}}",
        *(images, inputs, node.outputs // inputs, way.lines, way.pairs),
        *(size[along], size[across], node.window.before[along], node.window.before[across]),
        *(way.along, way.across),
        *(rows * columns * inputs, output[0] * output[1] * node.outputs),
        *(steps[along], steps[across], output_steps[along], output_steps[across]),
        node.source.codes.zero_point,
    ]
