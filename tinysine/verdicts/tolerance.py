"""Tolerance of an output: none, unless the user asked for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """Differences up to it count as equal.

    Attributes:
        codes: of outputs in integers.
        absolute: of outputs in float32, in their own unit.
    """

    codes: int = 0
    absolute: float = 0.0

    def of(self, dtype: np.dtype[Any]) -> int | float:
        """Return that of an output of some dtype; 0 demands equality."""
        return self.absolute if dtype.kind == "f" else self.codes


EQUAL = Tolerance()
