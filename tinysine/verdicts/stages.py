"""The stages a fault can be in, and a finding that points at one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from tinysine.record import Record, Words, fact


class Stage(StrEnum):
    """Where things break, in the order in which a value passes through."""

    ORACLES = "oracles"  # the references disagree among themselves
    IMAGE = "image"  # what was built is not what was asked for
    FIRMWARE = "firmware"  # it crashed, reset or refused
    LINK = "link"  # the right answers, to other questions
    ENGINE = "engine"  # the arithmetic on the device
    LATENCY = "latency"
    MEMORY = "memory"
    GATE = "gate"  # a figure is beyond a limit that the user set
    BENCH = "bench"  # it failed after the product was known to be wrong
    HARNESS = "harness"  # nothing was compared, so nothing was shown


class Finding(Record):
    """One thing that is wrong."""

    stage: Annotated[Stage, fact("where it most likely broke")]
    reason: Annotated[Words, fact("the facts that say so")]

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}"
