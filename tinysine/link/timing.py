"""Counts of single inferences, as a device's TIME answers give them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_REPETITIONS = 65535  # of one TIME request


@dataclass(frozen=True, eq=False)
class Timing:
    """Raw counts of single inferences.

    Attributes:
        overhead: counts of an empty measurement, contained in each count.
        counts: int64 [repetitions], raw.
        unit: of one count: "cycles", "ticks" or "ns" as the device names it, or "instructions". An emulated core's
            cycle counter counts instructions; only a rig can know that.
        clock_hz: of the counter; None when the device does not know.
        waited_s: how long the answers took to come, by this computer's clock; no counter can have counted longer.
    """

    overhead: int
    counts: NDArray[np.int64]
    unit: str
    clock_hz: int | None = None
    waited_s: float | None = None

    @property
    def net(self) -> NDArray[np.int64]:
        """int64 [repetitions]: counts without the overhead."""
        return self.counts - self.overhead

    def in_instructions(self, instruction_hz: int | None) -> Timing:
        """The same on a core that takes equally long for every instruction; itself where that cannot be told.

        Args:
            instruction_hz: instructions in a second of the counter's time; None where a core has no such rate.
        Returns:
            Exact numbers of instructions, unit "instructions": a count is less than one tick of the counter off,
            so that rounding is exact if an instruction takes two or more, or a whole number that it always takes.
        """
        clock_hz = self.clock_hz
        if instruction_hz is None or clock_hz is None:
            return self
        if clock_hz < 2 * instruction_hz and clock_hz % instruction_hz:
            return self

        def whole(counts: Any) -> Any:
            return (2 * counts * instruction_hz + clock_hz) // (2 * clock_hz)

        return Timing(whole(self.overhead), whole(self.counts), "instructions", instruction_hz, self.waited_s)


def timing_of(replies: Sequence[bytes], unit: str, clock_hz: int | None, waited_s: float) -> Timing:
    """The counts of several TIME replies, each its overhead and then its counts, u32."""
    values = [np.frombuffer(reply, "<u4").astype(np.int64) for reply in replies]
    overhead = min(int(counts[0]) for counts in values)
    return Timing(overhead, np.concatenate([counts[1:] for counts in values]), unit, clock_hz, waited_s)
