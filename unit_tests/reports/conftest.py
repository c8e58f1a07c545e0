"""Evidence to report on: documents of every kind, with nothing run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tinysine.evidence import Document, EndFacts, Ends, read_evidence

CASES = Path(__file__).parents[1] / "cases" / "evidence"
SCALAR = Ends(
    (EndFacts("x", "int8", (1, 1), 2 * np.pi / 255, -128),), (EndFacts("y", "int8", (1, 1), 1 / 127, 0),)
)


@pytest.fixture
def document() -> Callable[[str], Document]:
    """Evidence of the pinned cases: passed, failed, ended_early, large."""

    def read(name: str) -> Document:
        found = read_evidence(CASES / f"{name}.json")
        return msgspec.structs.replace(found, model=SCALAR) if name == "passed" else found

    return read
