"""A run, to be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tinysine.history import Figure, HistoryRun

RUN = HistoryRun(
    started_utc="2026-01-02T03:04:05.000Z",
    command="verify",
    board="nano33ble-sense",
    kind="emulated",
    verdict="pass",
    model_sha256="0" * 64,
    engine="generated",
    reference="litert",
    optimize="speed",
    toolchain="gcc 12",
    figures=(
        Figure("latency.median", 331, "instructions", better="lower"),
        Figure("memory.flash_bytes", 7348, "bytes", better="lower"),
        Figure("classes.device", 0.9, "", better="higher"),
        Figure("layers.rows.cost", 12, "instructions", "layer 0 (ADD)", "lower"),
    ),
)


@pytest.fixture
def run_with() -> Callable[..., HistoryRun]:
    """Make a run that differs in what is named; `latency.median=5` by figures={"latency.median": 5}."""

    def make(*, figures: dict[str, float] | None = None, unit: str = "", **changes: Any) -> HistoryRun:
        kept = tuple(
            Figure(f.name, (figures or {}).get(f.name, f.value), unit or f.unit, f.part, f.better)
            for f in RUN.figures
        )
        facts = {name: getattr(RUN, name) for name in RUN.__struct_fields__}
        return HistoryRun(**facts | {"figures": kept} | changes)

    return make
