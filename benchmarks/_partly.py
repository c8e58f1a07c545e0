"""A benchmark of several parts, some of which failed."""

from __future__ import annotations

from collections.abc import Mapping


class PartlyMeasured(RuntimeError):
    """Some parts of a benchmark failed; the figures of the others are kept.

    Args:
        figures: of the parts that were measured, by name.
        failed: why, by name of the part.
    """

    def __init__(self, figures: Mapping[str, object], failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{part}: {why}" for part, why in failed.items()))
        self.figures = dict(figures)
