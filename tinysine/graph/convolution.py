"""Parts that CONV_2D and DEPTHWISE_CONV_2D share: weights for each output channel, and their requantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.bounds import bounds_of
from tinysine.graph.graph import Node, Value
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.windows import Window, check_extents
from tinysine.quantization import INT32_MAX, IntArray, quantize_multipliers
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.raw_quantization import read_weight_scales


@dataclass(frozen=True, eq=False)
class Convolution(Node):
    """Sums over windows, each with its own weights for each output channel.

    Both references requantise it in integers and round twice: a saturating rounding doubling high multiply, then a
    rounding right shift.

    Attributes:
        weights: int8 [outputs, rows, columns, inputs of a group], zero point 0, read-only.
        bias: int32 [outputs], zeros where the file has none, read-only.
        multiplier, shift: int32 [outputs] each, as of `quantize_multipliers`, read-only.
        clamp_min, clamp_max: int8 range of the output codes after the fused activation.
        window: over rows and columns of the input.
        groups: output channel c reads the inputs of group c * groups // outputs; 1 for all inputs.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]
    clamp_min: int
    clamp_max: int
    window: Window
    groups: int

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Number of input channels."""
        return int(self.weights.shape[3]) * self.groups

    @property
    def multiply_accumulates(self) -> int:
        """Per inference, padding included."""
        return self.weights.size * self.window.output[0] * self.window.output[1] * self.source.shape[0]

    @property
    def folded_bias(self) -> IntArray:
        """Each bias with the zero points of a whole window; int64 [outputs]."""
        sums = self.weights.reshape(self.outputs, -1).sum(axis=1, dtype=np.int64)
        folded: IntArray = self.bias - self.source.codes.zero_point * sums
        return folded

    @property
    def bounds(self) -> tuple[IntArray, IntArray]:
        """The least and the greatest accumulator of each output channel, over all int8 inputs; int64 [outputs]."""
        return bounds_of(self.weights.reshape(self.outputs, -1), self.bias, self.source.codes.zero_point)


def read_convolution(
    reader: OperatorReader,
    *,
    source: Value,
    result: Value,
    weights: NDArray[np.int8],
    dimension: int,
    fused: int,
    window: Window,
    groups: int,
) -> Convolution:
    """Read what follows from the weights: bias, multipliers and clamp.

    Args:
        reader: of the operator.
        source, result: int8.
        weights: int8 [outputs, rows, columns, inputs of a group].
        dimension: of the file's weights that their scales go along.
        fused: number of the fused activation.
        window, groups: as in Convolution.
    Raises:
        ModelError: scales or a bias that do not fit, or accumulators that could leave int32.
    """
    outputs = len(weights)
    tensor = reader.tensor(1)
    scales, _ = read_weight_scales(reader.file, tensor, reader.raw_operator, outputs, dimension=dimension)
    bias = reader.constant(2, raw.INT32, shape=(outputs,)) if reader.has(2) else np.zeros(outputs, np.int32)
    real = source.codes.scale * scales / result.codes.scale
    if not (real < 2.0**30).all():
        reader.refuse(f"scales its accumulator by {real.max():g}, 2**30 or more")
    multiplier, shift = quantize_multipliers(real)
    clamp_min, clamp_max = reader.clamp(fused, result.codes)
    for array in (bias, multiplier, shift):
        array.flags.writeable = False
    node = Convolution(
        operator=reader.name,
        sources=(source,),
        result=result,
        weights=weights,
        bias=bias,
        multiplier=multiplier,
        shift=shift,
        clamp_min=clamp_min,
        clamp_max=clamp_max,
        window=window,
        groups=groups,
    )
    check_extents(reader, *source.shape, *result.shape, *window.before)
    _refuse_beyond_int32(reader, node)
    return node


def _refuse_beyond_int32(reader: OperatorReader, node: Convolution) -> None:
    low, high = node.bounds
    reach = np.maximum(np.maximum(np.abs(low), np.abs(high)), np.abs(node.bias.astype(np.int64)))
    # The references shift left within int32 before they multiply.
    reach <<= np.maximum(node.shift, 0)
    if (reach > INT32_MAX - 256).any():  # room for the zero point
        channel = int(np.argmax(reach))
        reader.refuse(
            f"has an accumulator, of output channel {channel}, that can reach {int(reach[channel])}, beyond int32",
            hint="scale its weights or bias down, or quantise the model anew",
        )
