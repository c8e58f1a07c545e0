"""Fleet agreement of a night: boards with the same model and reference gave the same answers, or one is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinysine.evidence import Document
from tinysine.evidence.files import arrays_of_file
from tinysine.result_files import EVIDENCE_FILE
from tinysine.verdicts.fleet import Answered, answers_of, find_outliers, shared_inputs


@dataclass(frozen=True)
class Agreement:
    """Result of holding boards with the same model and reference against each other.

    Attributes:
        boards: labels of those that answered.
        inputs: that at least two of them were asked.
        outliers: why each board that answers otherwise is one, by its label.
    """

    boards: tuple[str, ...]
    inputs: int
    outliers: Mapping[str, str]

    def __str__(self) -> str:
        asked = f"{self.inputs:,} input{'s' * (self.inputs != 1)}"
        if self.outliers:
            return "; ".join(self.outliers.values())
        return f"{', '.join(self.boards)} gave the same answers to {asked}"


def agreements(evidence: Mapping[str, Document], out: Path) -> tuple[Agreement, ...]:
    """Hold the boards of a night against each other, those of each model and reference by themselves.

    Args:
        evidence: of `verify` on each board, by its label.
        out: folder of the night, which has the evidence and what is beside it.
    Returns:
        One for each model and reference that at least two boards answered for.
    """
    fleets: dict[tuple[str, str], dict[str, dict[str, Answered]]] = {}
    for label, document in evidence.items():
        told = document.provenance
        arrays = arrays_of_file(document, out / label / EVIDENCE_FILE)
        inputs, device = (
            [array for name, array in arrays.items() if name.partition("_")[0] == end]
            for end in ("inputs", "device")
        )
        if told is not None and told.model_sha256 and inputs and device:
            fleets.setdefault((told.model_sha256, told.rounding), {})[label] = answers_of(inputs, device)
    return tuple(
        Agreement(tuple(fleet), count, {one.board: str(one) for one in find_outliers(fleet)})
        for fleet in fleets.values()
        if (count := shared_inputs(fleet))
    )
