"""The facts that every oracle in integers tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinysine.quantization import Rounding


@dataclass(frozen=True, eq=False)
class Integers:
    """Base of the oracles in integers."""

    rounding: Rounding
    name: str

    @property
    def version(self) -> str:
        """Name the library that computes."""
        return f"numpy {np.__version__}"

    @property
    def detail(self) -> dict[str, object]:
        """Tell whose arithmetic it is."""
        return {"rounding": str(self.rounding)}
