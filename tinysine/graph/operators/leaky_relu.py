"""LEAKY_RELU: what is below zero is scaled by alpha."""

from __future__ import annotations

import numpy as np

from tinysine.graph.lookup import Lookup, centred, clamped, float32_ratio, lookup, read_ends, rescaled
from tinysine.graph.operator_reader import OperatorReader

OPTIONS = 75  # LeakyReluOptions


def read(reader: OperatorReader) -> Lookup:
    """Read one activation.

    Raises:
        ModelError: anything about it that is not supported.
    """
    source, result = read_ends(reader)
    alpha = reader.real_option(0, kind=OPTIONS)
    if not alpha >= 0:
        reader.refuse(f"has alpha {alpha:g}; 0 or more is supported")
    with np.errstate(over="ignore", under="ignore"):
        below = np.float32(source.codes.scale) * np.float32(alpha) / np.float32(result.codes.scale)
    codes = centred(source)
    answers = rescaled(reader, np.maximum(codes, 0), float32_ratio(source, result))
    answers = answers + rescaled(reader, np.minimum(codes, 0), float(below))
    return lookup(reader, source, result, clamped(result, answers + result.codes.zero_point))
