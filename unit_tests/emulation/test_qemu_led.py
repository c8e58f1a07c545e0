"""Brightness from QEMU's trace: pulses with the board's own times become duty against time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.boards import load_board
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.qemu_led import WINDOW_S, LedRecorder, PulseMeter, led_probe

PERIOD_S = 0.004


def pulses(meter: PulseMeter, level: int, *, start_s: float, periods: int) -> float:
    """Switch as a dimmer does; returns when it is over."""
    for i in range(periods):
        at = start_s + i * PERIOD_S
        if level:
            meter.edge(at, True)
        if level < 255:
            meter.edge(at + level / 255 * PERIOD_S, False)
    return start_s + periods * PERIOD_S


@given(levels=st.lists(st.integers(1, 254), min_size=1, max_size=6, unique=True))
def test_each_level_is_recorded_once(levels: list[int]) -> None:
    """Every brightness that lasts comes out exactly, and nothing is recorded while it does not change."""
    trace = LedTrace()
    meter = PulseMeter(trace)
    at = 1.0
    for level in levels:
        at = pulses(meter, level, start_s=at, periods=16)
    meter.look(at + 1)
    seen = [round(duty * 255) for _, duty in trace.changes(until=10)]
    held = [level for level, after in zip(seen, [*seen[1:], None], strict=True) if level != after]
    assert [level for level in held if level in levels][: len(levels)] == levels
    assert seen[-1] == 0


def test_a_steady_led_is_dark_or_lit() -> None:
    """Without pulses there is no average to take: after a while the level is what there is."""
    trace = LedTrace()
    meter = PulseMeter(trace)
    meter.look(1.0)
    meter.edge(2.0, True)
    meter.look(2.01)
    assert trace.changes(until=10) == [(0.0, 0.0)]
    meter.look(2.5)
    meter.edge(3.0, False)
    meter.look(3.5)
    assert trace.changes(until=10) == [(0.0, 0.0), (2.0, 1.0), (3.0, 0.0)]


LINES = {
    "qemu:mps2-an386": (
        b"systick_read systick read addr 0x8 data 0x%x size 4",
        b"mps2_fpgaio_write MPS2 FPGAIO write: offset 0x0 data 0x%x size 4",
        (1, 0),
        (1 << 24, -25_000_000),
    ),
    "qemu:lm3s6965evb": (
        b"systick_read systick read addr 0x8 data 0x%x size 4",
        b"pl061_write /machine/unattached/device[13] offset 0x4 value 0x%x",
        (1, 0),
        (1 << 24, -50_000_000),
    ),
    "qemu:microbit": (
        b"nrf51_timer_read timer 1 read addr 0x540 data 0x%x size 4",
        b"nrf51_gpio_write offset 0x50%x value 0x2000",
        (8, 0xC),
        (1 << 16, 125_000),
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_trace_lines_become_duty(name: str) -> None:
    """Times come from the clock that the firmware read before each write, over its wraps; other lines are left over."""
    clock, pin, (on, off), (wrap, hz) = LINES[name]
    probe = led_probe(load_board(name))
    assert probe is not None
    trace = LedTrace()
    recorder = LedRecorder(probe, trace, seconds=5.0)
    lines = [b"qemu-system-arm: warning: something"]
    for i in range(400):  # 1.6 s: every clock wraps
        for at, value in ((i * PERIOD_S, on), (i * PERIOD_S + 0.001, off)):
            lines += [clock % (round(at * hz) % wrap), pin % value]
    assert recorder.hear(lines[:301]) == lines[:1]
    assert recorder.hear(lines[301:]) == []
    changes = trace.changes(until=100)
    assert {round(duty, 2) for _, duty in changes[1:]} == {0.25}
    assert changes[1][0] == pytest.approx(5.0, abs=WINDOW_S)


def test_other_pins_are_not_the_led() -> None:
    """A write to another pin or register of the same block is no edge."""
    probe = led_probe(load_board("qemu:microbit"))
    assert probe is not None
    trace = LedTrace()
    recorder = LedRecorder(probe, trace, seconds=0.0)
    recorder.hear(
        [b"nrf51_gpio_write offset 0x508 value 0x1000000", b"nrf51_gpio_write offset 0x764 value 0x2000"]
    )
    recorder.hear([b"nrf51_timer_read timer 1 read addr 0x540 data 0x0 size 4"])
    recorder.hear([b"nrf51_timer_read timer 1 read addr 0x540 data 0x8000 size 4"])
    assert {duty for _, duty in trace.changes(until=100)} <= {0.0}


def test_boards_without_a_watched_led_have_no_probe() -> None:
    """Nothing is promised where there is no LED, or QEMU tells nothing of it."""
    assert led_probe(load_board("host")) is None
    assert led_probe(load_board("nano33ble-sense")) is None
