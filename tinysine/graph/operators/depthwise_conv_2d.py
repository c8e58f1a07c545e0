"""DEPTHWISE_CONV_2D: every output channel sums over a window of one input channel."""

from __future__ import annotations

import numpy as np

from tinysine.graph.convolution import Convolution, read_convolution
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.windows import read_window
from tinysine.tflite import tflite_file as raw

OPTIONS = 2  # DepthwiseConv2DOptions


def read(reader: OperatorReader) -> Convolution:
    """Read one depthwise convolution, as one with as many groups as input channels.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(2, 3)
    source = reader.source(0)
    stored = reader.constant(1, raw.INT8)  # [1, rows, columns, outputs]
    if len(source.shape) != 4 or stored.ndim != 4:
        reader.refuse(
            f"has an input of shape {source.shape} and weights of shape {stored.shape}; both have 4 dimensions"
        )
    batch, *image, channels = source.shape
    one, rows, columns, outputs = stored.shape
    # The option tells the depth multiplier again; the references take it from the shapes, too.
    if one != 1 or outputs % channels:
        reader.refuse(f"weights of shape {stored.shape} do not fit an input of shape {source.shape}")
    window = read_window(
        reader,
        kind=OPTIONS,
        image=(image[0], image[1]),
        kernel=(rows, columns),
        dilation_slots=(6, 5),
    )
    result = reader.result(shape=(batch, *window.output, outputs))
    weights = np.ascontiguousarray(stored[0].transpose(2, 0, 1)[..., None])
    weights.flags.writeable = False
    return read_convolution(
        reader,
        source=source,
        result=result,
        weights=weights,
        dimension=3,
        fused=reader.option(4, "b", kind=OPTIONS),
        window=window,
        groups=channels,
    )
