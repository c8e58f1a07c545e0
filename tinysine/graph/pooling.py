"""Parts that AVERAGE_POOL_2D and MAX_POOL_2D share: a window over each channel by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.graph.graph import Node
from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.windows import Window, check_extents, read_window

OPTIONS = 5  # Pool2DOptions
_MOST_APART = 1e-6  # of two scales that count as equal, as TensorFlow Lite Micro has it


@dataclass(frozen=True, eq=False)
class Pool(Node):
    """One number for each window and channel, of the taps that are inside the image.

    The greatest code, or the mean of the codes, halves away from zero; the codes are not centred before.

    Attributes:
        window: over rows and columns of the input.
        clamp_min, clamp_max: int8 range of the output codes after the fused activation.
    """

    window: Window
    clamp_min: int
    clamp_max: int

    @property
    def taps(self) -> int:
        """Of one window that is inside the image as a whole."""
        return self.window.kernel[0] * self.window.kernel[1]


def read_pool(reader: OperatorReader) -> Pool:
    """Read one pool.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(1)
    source = reader.source(0)
    if len(source.shape) != 4:
        reader.refuse(f"has an input of shape {list(source.shape)}; 4 dimensions are needed")
    batch, rows, columns, channels = source.shape
    window = read_window(
        reader,
        kind=OPTIONS,
        image=(rows, columns),
        kernel=(reader.option(4, "i", kind=OPTIONS), reader.option(3, "i", kind=OPTIONS)),
    )
    result = reader.result(shape=(batch, *window.output, channels))
    check_extents(reader, batch, channels)
    apart = abs(np.float32(source.codes.scale) - np.float32(result.codes.scale))
    if not apart <= _MOST_APART or source.codes.zero_point != result.codes.zero_point:
        reader.refuse("changes the scale or the zero point")
    clamp_min, clamp_max = reader.clamp(reader.option(5, "b", kind=OPTIONS), result.codes)
    return Pool(
        operator=reader.name,
        sources=(source,),
        result=result,
        window=window,
        clamp_min=clamp_min,
        clamp_max=clamp_max,
    )
