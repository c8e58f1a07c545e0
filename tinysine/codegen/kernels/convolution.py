"""What the kernels of CONV_2D and DEPTHWISE_CONV_2D share: the plain one of firmware/engine/conv.h, and tables."""

from __future__ import annotations

from tinysine.codegen.steps import Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution


def plain(node: Convolution, number: int) -> Step:
    """Any convolution, on any core."""
    window = node.window
    images, rows, columns, channels = node.source.shape
    weights = table(int(weight) for weight in node.weights.flat)
    scaled = table(scaled_channels(node))
    fields = [
        *(images, rows, columns, channels, *window.output, node.outputs),
        *(channels // node.groups, node.outputs // node.groups),
        *(*window.before, *window.kernel, *window.stride, *window.dilation),
        *(node.source.codes.zero_point, node.result.codes.zero_point, node.clamp_min, node.clamp_max),
    ]
    tables = (
        f"static const TS_FLASH int8_t ts_engine_weights_{number}[] = {{\n{weights}\n}};\n"
        f"static const TS_FLASH struct ts_scaled_channel ts_engine_channels_{number}[] = {{\n{scaled}\n}};\n"
        f"static const TS_FLASH struct ts_conv ts_engine_layer_{number} = {{\n"
        f"    ts_engine_weights_{number}, ts_engine_channels_{number},\n{table(fields)},\n}};\n"
    )
    return Step(
        node=node,
        kernel="ts_conv_s8",
        headers=("conv.h",),
        tables=tables,
        call=f"ts_conv_s8(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=node.weights.size + 12 * node.outputs + 44,
        reason="plain C",
    )


def scaled_channels(node: Convolution) -> list[str]:
    """Return an initialiser of `struct ts_scaled_channel` for each output channel."""
    return [
        f"{{{word(int(bias))}, {multiplier}, {31 - shift}}}"
        for bias, multiplier, shift in zip(node.bias, node.multiplier, node.shift, strict=True)
    ]
