"""The stages a fault can be in, and a finding that points at one."""

from __future__ import annotations

from typing import Annotated

from tinysine.record import Record, Told, Words, fact


class Stage(Told):
    """Stage in which a fault can be, in the order in which a value passes through."""

    ORACLES = "oracles", "references that must agree do not"
    IMAGE = (
        "image",
        "every answer equals the reference of the other rounding: the wrong image was built",
    )
    FIRMWARE = (
        "firmware",
        "a fault record, a reset while it was asked, a refusal, an access that the chip does not have",
    )
    LINK = "link", "too few answers, or the right answers to the neighbouring inputs"
    ENGINE = (
        "engine",
        "answers that equal no reference; with a remark when they are constant, off by a constant, or have the top bit "
        "flipped",
    )
    LATENCY = "latency", "over budget, or a counter that does not count"
    MEMORY = "memory", "more than was planned, reserved or is available"
    GATE = "gate", "a figure beyond a limit that was set for it"
    BENCH = "bench", "the bench failed after the product was known to be wrong"
    HARNESS = "harness", "nothing was compared, so nothing was shown"


class Finding(Record):
    """One thing that is wrong."""

    stage: Annotated[Stage, fact("where it most likely broke")]
    reason: Annotated[Words, fact("the facts that say so")]

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}"
