"""Timing: counts of a clock become exact numbers of instructions, or stay what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.device import Timing


@given(
    instructions=st.lists(st.integers(1, 50_000), min_size=1, max_size=20),
    overhead=st.integers(0, 50),
    begin=st.integers(0, 10**6),
    clock_hz=st.sampled_from([16_000_000, 25_000_000, 50_000_000, 7_812_500]),
)
def test_ticks_become_exactly_the_instructions(
    instructions: list[int], overhead: int, begin: int, clock_hz: int
) -> None:
    """Wherever between two ticks a measurement begins, the number of instructions comes out whole and right."""
    instruction_hz = 7_812_500

    def ticks(start: int, count: int) -> int:
        return (start + count) * clock_hz // instruction_hz - start * clock_hz // instruction_hz

    counts = np.array([ticks(begin + 7919 * i, n + overhead) for i, n in enumerate(instructions)])
    timing = Timing(ticks(begin, overhead), counts, "cycles", clock_hz).in_instructions(instruction_hz)
    assert timing.unit == "instructions"
    assert timing.overhead == overhead
    assert timing.net.tolist() == instructions


@pytest.mark.parametrize(
    ("clock_hz", "instruction_hz"), [(64_000_000, None), (None, 7_812_500), (12_500_000, 7_812_500)]
)
def test_ticks_that_are_too_coarse_stay_ticks(clock_hz: int | None, instruction_hz: int | None) -> None:
    """Without both rates, or with a tick that lasts longer than half an instruction, nothing is converted."""
    timing = Timing(3, np.array([100]), "ticks", clock_hz)
    assert timing.in_instructions(instruction_hz) is timing
