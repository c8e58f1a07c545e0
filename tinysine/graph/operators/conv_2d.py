"""CONV_2D: every output channel sums over a window of all input channels of its group."""

from __future__ import annotations

from tinysine.graph.convolution import Convolution, read_convolution
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.windows import read_window
from tinysine.tflite import tflite_file as raw

OPTIONS = 1  # Conv2DOptions


def read(reader: OperatorReader) -> Convolution:
    """Read one convolution.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(3)
    if not reader.has(2):
        reader.refuse("has no bias, which both references demand of an int8 convolution")
    source = reader.source(0)
    weights = reader.constant(1, raw.INT8)
    if len(source.shape) != 4 or weights.ndim != 4:
        reader.refuse(
            f"has an input of shape {source.shape} and weights of shape {weights.shape}; both have 4 dimensions"
        )
    batch, *image, channels = source.shape
    outputs, rows, columns, inputs = weights.shape
    if channels % inputs or outputs % (channels // inputs):
        reader.refuse(f"weights of shape {weights.shape} do not fit an input of shape {source.shape}")
    window = read_window(
        reader,
        kind=OPTIONS,
        image=(image[0], image[1]),
        kernel=(rows, columns),
        dilation_slots=(5, 4),
    )
    result = reader.result(shape=(batch, *window.output, outputs))
    return read_convolution(
        reader,
        source=source,
        result=result,
        weights=weights,
        dimension=0,
        fused=reader.option(3, "b", kind=OPTIONS),
        window=window,
        groups=channels // inputs,
    )
