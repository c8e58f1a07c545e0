"""Observer of the LED of a board in QEMU, from QEMU's own trace of register accesses.

The firmware dims by switching the pin, and reads a clock each time before it decides to. Both are traced, so that each
edge has its time on the board's own clock, which runs at another speed than this computer's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinysine.boards import Board, pin_number
from tinysine.emulation.led_trace import LedTrace

# Averaged over so long, about four pulses: what a single one shows too much or too little the next makes good.
WINDOW_S = 0.016
# Without an edge for so long, it is not being dimmed.
CONSTANT_S = 0.04
LEVELS = 255


@dataclass(frozen=True)
class LedProbe:
    """Patterns that find a board's LED in QEMU's trace.

    Attributes:
        events: trace events to switch on.
        clock: pattern of a line that reads the clock; its group is the count, in hexadecimal.
        clock_bits: after which it wraps.
        clock_hz: ticks in a second; negative for a clock that counts down.
        pin: pattern of a line that writes the LED; its group is the value written, in hexadecimal.
        lit: a bit of the value, which lights the LED if set; or the whole value of a write that does.
    """

    events: tuple[str, ...]
    clock: re.Pattern[bytes]
    clock_bits: int
    clock_hz: int
    pin: re.Pattern[bytes]
    lit: bytes


def led_probe(board: Board) -> LedProbe | None:
    """Return the probe for the board's LED; None if it has none, or QEMU does not trace it."""
    if board.led is None:
        return None
    bit = pin_number(board.led.pin)
    high = board.led.active == "high"
    systick = re.compile(rb"systick_read .* addr 0x8 data 0x([0-9a-f]+)")
    if board.port == "mps2":
        pin = rb"mps2_fpgaio_write .* offset 0x0 data 0x([0-9a-f]+)"
        lit = b"%x" % (1 << bit)
        return LedProbe(
            ("systick_read", "mps2_fpgaio_write"), systick, 24, -board.clock_hz, re.compile(pin), lit
        )
    if board.port == "lm3s6965":
        # The address selects the bit: whatever else is on the port is not meant.
        mask = 1 << bit % 16
        pin = rb"pl061_write .* offset 0x%x value 0x([0-9a-f]+)" % (4 * mask)
        lit = b"%x" % (mask if high else 0)
        return LedProbe(("systick_read", "pl061_write"), systick, 24, -board.clock_hz, re.compile(pin), lit)
    if board.chip == "nrf51822":
        timer = re.compile(rb"nrf51_timer_read timer 1 read addr 0x540 data 0x([0-9a-f]+)")
        pin = rb"nrf51_gpio_write offset 0x50([8c]) value 0x%x\b" % (1 << bit)  # OUTSET or OUTCLR
        lit = b"8" if high else b"c"
        return LedProbe(("nrf51_timer_read", "nrf51_gpio_write"), timer, 16, 125_000, re.compile(pin), lit)
    return None


class PulseMeter:
    """Edges of a LED in, brightness against time out.

    Args:
        trace: gets each change, rounded to one of 255 levels.
    """

    def __init__(self, trace: LedTrace) -> None:
        self._trace = trace
        self._lit = False
        self._edge_s = 0.0
        self._window_s: float | None = None  # since when; None while the LED is constant
        self._lit_s = 0.0

    def edge(self, seconds: float, lit: bool) -> None:
        """The pin was written."""
        self.look(seconds)
        if lit == self._lit:
            return
        if self._lit:
            self._lit_s += seconds - self._edge_s
        self._lit, self._edge_s = lit, seconds
        if not lit:
            return
        if self._window_s is not None and seconds - self._window_s < WINDOW_S:
            return
        self._close(seconds)
        self._window_s = seconds

    def look(self, seconds: float) -> None:
        """So late is it; the pin was not written meanwhile."""
        if seconds - self._edge_s > CONSTANT_S:
            self._close(self._edge_s)
            self._trace.record(self._edge_s, float(self._lit))

    def _close(self, seconds: float) -> None:
        if self._window_s is not None and seconds > self._window_s:
            duty = self._lit_s / (seconds - self._window_s)
            self._trace.record(self._window_s, round(duty * LEVELS) / LEVELS)
        self._window_s = None
        self._lit_s = 0.0


class LedRecorder:
    """Takes the trace's lines, as they come.

    Args:
        probe: which lines.
        trace: gets what they show.
        seconds: since power-on, as the first line comes.
    """

    def __init__(self, probe: LedProbe, trace: LedTrace, *, seconds: float) -> None:
        self._probe = probe
        self._meter = PulseMeter(trace)
        self._seconds = seconds
        self._count: int | None = None

    def hear(self, lines: list[bytes]) -> list[bytes]:
        """Take the lines of the trace; returns the others."""
        others = []
        clock = None
        for line in lines:
            if not line.startswith(self._names):
                others.append(line)
            elif (read := self._probe.clock.match(line)) is not None:
                clock = read
            elif (write := self._probe.pin.match(line)) is not None:
                self._read_clock(clock)
                self._meter.edge(self._seconds, write[1] == self._probe.lit)
        self._read_clock(clock)
        self._meter.look(self._seconds)
        return others

    @property
    def _names(self) -> tuple[bytes, ...]:
        return tuple(event.encode() for event in self._probe.events)

    def _read_clock(self, line: re.Match[bytes] | None) -> None:
        if line is None:
            return
        count = int(line[1], 16)
        if self._count is not None:
            step = count - self._count if self._probe.clock_hz > 0 else self._count - count
            self._seconds += step % (1 << self._probe.clock_bits) / abs(self._probe.clock_hz)
        self._count = count
