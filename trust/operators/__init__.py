"""Random models of one operator each, with all its attributes: what the oracles and the C are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from trust.operators import conv_2d, depthwise_conv_2d, fully_connected, reshape

DRAWS: Mapping[str, Callable[[np.random.Generator], bytes]] = {
    "CONV_2D": conv_2d.draw,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.draw,
    "FULLY_CONNECTED": fully_connected.draw,
    "RESHAPE": reshape.draw,
}
"""By the operator's name in the schema: a generator of random numbers -> the bytes of a .tflite file."""
