"""The sine itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sine(x: NDArray[Any]) -> NDArray[np.float64]:
    """Return math.sin of each element.

    Args:
        x: real numbers [...], finite.
    Returns:
        float64 [...].
    """
    flat = np.asarray(x, np.float64)
    return np.array([math.sin(value) for value in flat.ravel().tolist()], np.float64).reshape(flat.shape)
