"""A LED that the firmware switches itself: from its edges to its duty, and the time in which they happen."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.pulses import STEP_S, Pulses

PERIOD = 255


class _Bench:
    """A LED, and a firmware that looks at the time before each of its deeds."""

    def __init__(self) -> None:
        self.time = EmulatedTime("free")
        self.trace = LedTrace()
        self.pulses = Pulses(self.trace, self.time)

    def hold(self, lit: bool, looks: int) -> None:
        """So many looks with the LED lit or dark."""
        self.pulses.switch(lit)
        for _ in range(looks):
            self.time.now()
            self.pulses.settle()

    def levels(self) -> list[float]:
        """Return the recorded duty, in levels of 255."""
        return [round(duty * PERIOD, 6) for _, duty in self.trace.changes(until=self.time.peek())]


@given(st.lists(st.integers(1, PERIOD - 1), min_size=2, max_size=20))
def test_each_period_has_the_duty_of_its_pulse(levels: list[int]) -> None:
    """Periods of 255 steps, each lit for its level: the trace has the levels, exactly, equal neighbours merged."""
    bench = _Bench()
    for level in levels:
        bench.hold(True, level)
        bench.hold(False, PERIOD - level)
    bench.hold(True, 1)
    assert bench.levels() == [
        level for index, level in enumerate(levels) if index == 0 or level != levels[index - 1]
    ]


@pytest.mark.parametrize(("lit", "level"), [(True, PERIOD), (False, 0)])
def test_what_does_not_change_is_steady(lit: bool, level: int) -> None:
    """Full or dark for longer than any pulse is recorded as such, after the last whole pulse."""
    bench = _Bench()
    for _ in range(3):
        bench.hold(True, 100)
        bench.hold(False, PERIOD - 100)
    bench.hold(True, 100)
    if not lit:
        bench.hold(False, 1)
    bench.hold(lit, 4000)
    assert bench.levels() == [100, level]


def test_time_flows_again_when_the_led_rests() -> None:
    """Even steps while there are pulses; a second after the last edge, the free clock is as coarse as before."""
    bench = _Bench()
    bench.hold(True, 10)
    before = bench.time.peek()
    bench.time.now()
    assert bench.time.peek() - before == pytest.approx(STEP_S)
    bench.time.advance(1.0)
    assert bench.time.peek() - before == pytest.approx(STEP_S), "a poll in vain takes no time of its own"
    bench.hold(False, round(1.1 / STEP_S))
    before = bench.time.peek()
    bench.time.advance(1.0)
    assert bench.time.peek() - before == pytest.approx(1.0)


class _Computer:
    """A monotonic clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ns = 1_000
        monkeypatch.setattr("tinysine.emulation.emulated_time.time.monotonic_ns", lambda: self.ns)


def test_real_time_follows_the_computer_but_not_its_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firmware that looks often sees the computer's time; a pause of the computer's is not passed on whole."""
    computer = _Computer(monkeypatch)
    clock = EmulatedTime("real")
    for _ in range(10):
        computer.ns += 7_000_000
        clock.now()
    assert clock.now_ns() == 70_000_000
    computer.ns += 5_000_000_000
    assert clock.now_ns() == 110_000_000
    computer.ns += 1_000_000
    assert clock.now_ns() == 111_000_000


def test_steps_are_even_and_never_ahead_of_the_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However unevenly the computer goes on, each look moves time by one step or not at all, until it has caught up."""
    computer = _Computer(monkeypatch)
    clock = EmulatedTime("real")
    clock.step(STEP_S)
    seen = [clock.now_ns()]
    for pause in (0, 10_000, 50_000, 3_000_000, 0, 32_000):
        computer.ns += pause
        seen += [clock.now_ns() for _ in range(200)]
    steps = {later - earlier for earlier, later in itertools.pairwise(seen)}
    assert steps == {0, round(STEP_S * 1e9)}
    assert computer.ns - 1_000 - seen[-1] < round(STEP_S * 1e9)
    assert not clock.behind()
    computer.ns += 40_000
    assert clock.behind()
    clock.flow()
    assert clock.now_ns() == seen[-1], "no leap when time flows again"
