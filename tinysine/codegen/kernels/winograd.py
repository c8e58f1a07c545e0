"""Convolutions of 3 x 3 taps by Winograd's minimal filtering in integers: firmware/engine/winograd.h."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinysine.codegen.scaled_sum import MAX_SUM, ChannelSum, channel_sums
from tinysine.codegen.steps import STRUCT_BYTES, Step
from tinysine.codegen.text import table, word
from tinysine.graph.convolution import Convolution
from tinysine.quantization import IntArray, wrap_int32

TILES = 4  # at a time
QUAD = 4  # input channels at a time


@dataclass(frozen=True)
class Filter:
    """One size of tile.

    Attributes:
        side: outputs of a tile, in each direction.
        taps: 3 taps of weights become side + 2 positions; rows times what their fractions are rid of.
        scale: of the sums, what both transforms of the weights bring in.
        offset: what the kernel adds to each code.
        quad_cycles, codes_cycles: measured, to transform four input channels of a tile, and one output channel.
    """

    side: int
    taps: tuple[tuple[int, int, int], ...]
    scale: int
    offset: int
    quad_cycles: int
    codes_cycles: int

    @property
    def positions(self) -> int:
        """Of one tile."""
        return (self.side + 2) ** 2

    @property
    def plane_bytes(self) -> int:
        """Of the working memory: a word for each tile at each position."""
        return 4 * TILES * self.positions


LARGE = Filter(
    4, ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 12)), 576, 128, 890, 360
)
SMALL = Filter(2, ((8, 0, 0), (4, 4, 4), (4, -4, 4), (0, 0, 8)), 64, 0, 320, 230)


def winograd(node: Convolution, number: int, tile: Filter) -> Step | str:
    """Plan the kernel of a convolution, or return the reason for which it cannot be used.

    Args:
        node: the convolution.
        number: of the step.
        tile: LARGE or SMALL.
    """
    window = node.window
    if window.kernel != (3, 3) or window.stride != (1, 1) or window.dilation != (1, 1):
        return "not 3 x 3 with stride 1"
    if node.groups > 1:
        return f"{node.groups} groups"
    low, high = node.bounds
    reach = int(np.maximum(-low, high).max())
    if reach * tile.scale > MAX_SUM:
        return f"a sum may reach {reach:,}, too much for tiles of {tile.side}x{tile.side}"
    if (sums := channel_sums(node, tile.scale)) is None:
        return "no requantisation of 32-bit words is exact"
    side = f"{tile.side}x{tile.side}"
    stream = weight_stream(node, tile)
    images, rows, columns, inputs = node.source.shape
    tiles = images * -(-window.output[0] // tile.side) * -(-window.output[1] // tile.side)
    fields = [
        *(tiles, node.outputs, inputs, rows, columns, *window.output, *window.before),
        *(node.source.codes.zero_point, node.clamp_min, node.clamp_max),
    ]
    channels = [
        f"{{{word(int(bias))}, {each.multiplier}, {word(each.term)}, {each.last}, TS_WINOGRAD_{each.kind.upper()}}}"
        for bias, each in zip(_biases(node, tile, sums), sums, strict=True)
    ]
    tables = (
        f"static const int32_t ts_engine_stream_{number}[] = {{\n{table(map(word, stream.tolist()))}\n}};\n"
        f"static const struct ts_winograd_channel ts_engine_channels_{number}[] = {{\n{table(channels)}\n}};\n"
        f"static const struct ts_winograd ts_engine_layer_{number} = {{\n"
        f"    ts_engine_stream_{number}, ts_engine_channels_{number},\n{table(fields)},\n}};\n"
    )
    kernel = f"ts_winograd_{side}_s8"
    quads = -(-inputs // QUAD)
    patch_bytes = tile.positions * QUAD * quads
    return Step(
        node=node,
        kernel=kernel,
        headers=("winograd.h",),
        tables=tables,
        call=f"{kernel}(&ts_engine_layer_{number}, {{source0}}, {{target}}, (int8_t *){{scratch}});",
        constant_bytes=4 * stream.size + 20 * node.outputs + STRUCT_BYTES["ts_winograd"],
        scratch_bytes=2 * quads * tile.plane_bytes + max(2 * tile.plane_bytes, patch_bytes),
        cycles=_cycles(node, tile, tiles),
        reason=f"Winograd, tiles of {side}; {_kinds(sums)}",
    )


def _cycles(node: Convolution, tile: Filter, tiles: int) -> int:
    """Estimate, from what was measured."""
    planes = 2 * -(-node.inputs // QUAD)
    position = 16 * planes + (21 if planes % 8 == 0 else 29 + 3 * planes)
    products = -(-tiles // TILES) * -(-node.outputs // 2) * (position * tile.positions + 50)
    patches = tiles * planes // 2 * tile.quad_cycles
    return products + patches + tiles * node.outputs * tile.codes_cycles


def transform_weights(weights: IntArray, tile: Filter) -> IntArray:
    """Transform kernels of 3 x 3 taps.

    Args:
        weights: [..., 3, 3].
        tile: what for.
    Returns:
        int64 [..., positions]: column after column.
    """
    taps = np.array(tile.taps, np.int64)
    at: IntArray = np.einsum("ij,...jk,lk->...li", taps, weights.astype(np.int64), taps)
    return at.reshape(*weights.shape[:-2], tile.positions)


def weight_stream(node: Convolution, tile: Filter) -> IntArray:
    """Return the transformed weights as words in the order in which they are used, int64 [words].

    For each two output channels, each position, each quad of input channels, its even and its odd ones: a word of both
    output channels.
    """
    outputs, inputs = node.outputs, node.inputs
    filled = np.zeros((-(-outputs // 2) * 2, -(-inputs // QUAD) * QUAD, 3, 3), np.int64)
    filled[:outputs, :inputs] = node.weights.transpose(0, 3, 1, 2)
    at = transform_weights(filled, tile)
    assert np.abs(at).max(initial=0) < 2**15, "no int8 weights leave 16 bits"
    # [blocks, channel, quads, half, parity, positions], where inputs of a quad are 0, 1; 2, 3
    at = at.reshape(len(filled) // 2, 2, -1, 2, 2, tile.positions)
    words = (at[:, :, :, 0] & 0xFFFF) | (at[:, :, :, 1] & 0xFFFF) << 16
    return wrap_int32(words.transpose(0, 4, 2, 3, 1)).ravel()


def _kinds(sums: Sequence[ChannelSum]) -> str:
    """Tell how the channels are requantised."""
    counts = Counter(each.kind for each in sums)
    return (
        ", ".join(f"{count} {kind}" for kind, count in counts.items())
        + " requantisation"
        + "s" * (len(sums) > 1)
    )


def _biases(node: Convolution, tile: Filter, sums: Sequence[ChannelSum]) -> IntArray:
    """Return the biases without what the offset of the codes brings in; int32 values, modulo 2**32."""
    biases = np.array([each.bias for each in sums], np.int64)
    weights = node.weights.reshape(node.outputs, -1).sum(axis=1, dtype=np.int64)
    return wrap_int32(biases - tile.scale * tile.offset * weights)
