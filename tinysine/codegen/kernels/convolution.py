"""Parts that the kernels of CONV_2D and DEPTHWISE_CONV_2D share: the plain kernels, and tables."""

from __future__ import annotations

from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution
from tinysine.quantization import IntArray


def plain(node: Convolution, number: int, *, kernel: str = "ts_conv_s8", header: str = "conv.h") -> Step:
    """Plan a convolution in plain C, on any core.

    Args:
        node: the convolution.
        number: of the step.
        kernel, header: that take a `struct ts_conv`; those of conv.h take any convolution.
    """
    window = node.window
    images, rows, columns, channels = node.source.shape
    weights = table(int(weight) for weight in node.weights.flat)
    scaled = table(scaled_channels(node, node.bias if kernel == "ts_conv_s8" else node.folded_bias))
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
        kernel=kernel,
        headers=(header,),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        constant_bytes=node.weights.size
        + STRUCT_BYTES["ts_scaled_channel"] * node.outputs
        + STRUCT_BYTES["ts_conv"],
        reason="plain C",
    )


def runs(node: Convolution, number: int) -> Step:
    """Plan a convolution without groups in plain C, several output channels at a time."""
    return plain(node, number, kernel="ts_conv_runs_s8", header="conv_runs.h")


def scaled_channels(node: Convolution, biases: IntArray) -> list[str]:
    """Return an initialiser of `struct ts_scaled_channel` for each output channel."""
    return [
        f"{{{word(int(bias))}, {multiplier}, {31 - shift}}}"
        for bias, multiplier, shift in zip(biases, node.multiplier, node.shift, strict=True)
    ]


def is_pointwise(node: Convolution) -> bool:
    """Tell whether each window has one tap, and each input is in exactly one window."""
    window = node.window
    same = window.stride == (1, 1) and window.before == (0, 0) and window.output == node.source.shape[1:3]
    return same and window.kernel == (1, 1)
