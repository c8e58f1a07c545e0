"""The UART on its wire, the LED's trace and the pins, seen from both ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tinysine.emulation.emulated_time import ClockMode, EmulatedTime
from tinysine.emulation.hooks import Hooks
from tinysine.emulation.serial_line import SerialLine
from tinysine.emulation.twin import EmulatedTwin
from tinysine.emulation.wire import Wire
from unit_tests.waiting import wait_until

# Echoes every byte plus one, the way the chip wants it: RXDRDY is cleared before RXD is read.
ECHO = """
start:
    put SCB+0x94, 0
    uart_up
    put UART+8, 1
    put UART, 1
    ldr r4, =UART
    add r5, r4, #0x100
    add r6, r4, #0x500
    movs r3, #0
2:  ldr r0, [r5, #0x08]
    cmp r0, #0
    beq 2b
    {receive}
    adds r1, #1
    uxtb r1, r1
    str r1, [r6, #0x1C]
3:  ldr r0, [r5, #0x1C]
    cmp r0, #0
    beq 3b
    str r3, [r5, #0x1C]
    b 2b
"""
RIGHT = "str r3, [r5, #0x08]\nldr r1, [r6, #0x18]"
WRONG = "ldr r1, [r6, #0x18]\nstr r3, [r5, #0x08]"


@contextmanager
def _opened(twin: EmulatedTwin) -> Iterator[int]:
    descriptor = os.open(twin.wire.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, count: int, *, timeout_s: float = 5.0) -> bytes:
    data = b""
    deadline = time.monotonic() + timeout_s
    while len(data) < count and time.monotonic() < deadline:
        try:
            data += os.read(descriptor, 4096)
        except BlockingIOError:
            time.sleep(0.001)
    return data


def _ready(twin: EmulatedTwin) -> None:
    """The receiver runs once the firmware's first poll lets a look at its memory through."""
    twin.peek(0x20000000, 4)


@pytest.mark.parametrize("clock", ["real", "free"])
def test_every_byte_comes_back(run_program: Callable[..., EmulatedTwin], clock: str) -> None:
    """All 256 values go through the emulated UART in both directions, in order."""
    twin = run_program(ECHO.format(receive=RIGHT), clock=clock, ends=False)
    _ready(twin)
    sent = bytes(range(256)) * 4
    with _opened(twin) as port:
        os.write(port, sent)
        assert _read(port, len(sent)) == bytes((byte + 1) & 0xFF for byte in sent)
    assert twin.report() is None


def test_clearing_rxdrdy_after_reading_loses_the_next_byte(run_program: Callable[..., EmulatedTwin]) -> None:
    """The trap of this block is there: the event of the byte that moved up is cleared with the old one's."""
    twin = run_program(ECHO.format(receive=WRONG), clock="free", ends=False)
    _ready(twin)
    with _opened(twin) as port:
        os.write(port, b"abcdef")
        assert _read(port, 6, timeout_s=0.3) == b"b"


def test_overrun_on_order_loses_bytes_and_says_so(run_program: Callable[..., EmulatedTwin]) -> None:
    """Lost bytes set ERRORSRC.OVERRUN and the ERROR event, as the hardware does."""
    body = """
start:
    uart_up
    put UART, 1
    ldr r4, =UART+0x100
1:  ldr r0, [r4, #8]
    ldr r1, [r4, #0x24]
    cmp r1, #0
    beq 1b
    ldr r0, =UART+0x480
    ldr r1, [r0]
    str r1, [r0]
    ldr r2, [r0]
    ldr r0, =0x2001F000
    strd r1, r2, [r0]
    done
"""
    twin = run_program(body, ends=False)
    twin.overrun(3)
    assert "0xF0000000" in _report(twin)
    assert twin.peek(0x2001F000, 8) == b"\x01\0\0\0\0\0\0\0"
    assert twin.status()["overruns"] == 3


def _report(twin: EmulatedTwin) -> str:
    deadline = time.monotonic() + 60
    while twin.report() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    return twin.report() or ""


def test_bytes_before_startrx_are_lost(run_program: Callable[..., EmulatedTwin]) -> None:
    """Nobody listens while the firmware is not there yet, as on a bench."""
    twin = run_program(ECHO.format(receive=RIGHT), ends=False)
    _ready(twin)
    twin.power(False)
    with _opened(twin) as port:
        os.write(port, b"early")
        twin.power(True)
        _ready(twin)
        os.write(port, b"l")
        assert _read(port, 1) == b"m"


@pytest.mark.parametrize(
    ("kind", "heard"),
    [("drop", b"bcf"), ("flip", b"bc\x9d\x9cf"), ("duplicate", b"bcddeef"), ("noise", b"bc\x01def")],
)
def test_wire_faults_happen_as_ordered(run_program, kind: str, heard: bytes) -> None:
    """After two good bytes, two are hit, and then the wire is good again."""
    twin = run_program(ECHO.format(receive=RIGHT), ends=False)
    _ready(twin)
    twin.wire.faults.order("to_device", kind, count=2, after=2, data=b"\0")
    with _opened(twin) as port:
        os.write(port, b"abcde")
        assert _read(port, len(heard)) == heard


def test_idle_board_sleeps(run_program) -> None:
    """A firmware that polls an empty receiver costs little of this computer's time."""
    twin = run_program(ECHO.format(receive=RIGHT), clock="real", ends=False)
    _ready(twin)
    before, start = time.process_time(), time.monotonic()
    time.sleep(0.5)  # the measurement itself
    busy = (time.process_time() - before) / (time.monotonic() - start)
    assert busy < 0.5


class QuietWire:
    """A wire on which nothing comes but what is put on it; it writes down how long each wait may last."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.coming = b""
        self.nobody_uses_it = False

    def receive(self) -> bytes:
        """Take what was put on it."""
        coming, self.coming = self.coming, b""
        return coming

    def send(self, data: bytes) -> None:
        """Nobody listens."""
        del data

    def wait(self, timeout_s: float) -> None:
        """Write it down."""
        self.waits.append(timeout_s)


@pytest.mark.parametrize("clock", ["real", "free"])
def test_the_longer_a_line_is_quiet_the_longer_the_board_sleeps(clock: ClockMode) -> None:
    """Never as long as a step of the LED demo, 16 ms; and a byte ends the long sleeps. A free clock never sleeps."""
    wire = QuietWire()
    line = SerialLine(cast("Wire", wire), EmulatedTime(clock), idle=lambda: None)
    for _ in range(1_000):
        assert not line.poll()
    if clock == "free":
        assert wire.waits == []
        return
    assert wire.waits == sorted(wire.waits)
    assert (wire.waits[0], wire.waits[-1]) == (0.001, 0.008)
    assert sum(wire.waits[:300]) > 0.8, "within a second of silence the sleeps are long"
    wire.waits.clear()
    wire.coming = b"a"
    assert line.poll()
    assert line.take() == ord("a")
    for _ in range(40):
        assert not line.poll()
    assert set(wire.waits) == {0.001}, "whoever talks is answered at once"


def test_a_board_whose_time_moves_in_steps_sleeps_short() -> None:
    """A firmware that dims its LED in software has to catch up after each sleep."""
    wire, clock = QuietWire(), EmulatedTime("real")
    line = SerialLine(cast("Wire", wire), clock, idle=lambda: None)
    clock.step(10.0)  # it is never behind
    for _ in range(1_000):
        line.poll()
    assert set(wire.waits) == {0.001}


def test_a_board_that_nobody_uses_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look lets it have 8 ms at most, also where time moves in steps, and is followed by 400 ms of sleep."""
    now_ns = 0
    monkeypatch.setattr("tinysine.emulation.emulated_time.time.monotonic_ns", lambda: now_ns)

    class Sleeping(QuietWire):
        def wait(self, timeout_s: float) -> None:
            """Let the time pass."""
            nonlocal now_ns
            super().wait(timeout_s)
            now_ns += round(timeout_s * 1e9)

    wire, clock = Sleeping(), EmulatedTime("real")
    line = SerialLine(cast("Wire", wire), clock, idle=lambda: None)
    clock.step(1e-3)
    wire.nobody_uses_it = True
    looks = 0
    while len(wire.waits) < 12:
        clock.now_ns()
        line.poll()
        looks += 1
    assert set(wire.waits) == {0.4}
    assert looks < 16 + 12 * 9, "it does not catch up with what it slept through"
    assert clock.peek() <= 12 * 0.008
    clock.step(1e-6)  # more looks in 8 ms than this computer may spend
    for _ in range(640):
        clock.now_ns()
        line.poll()
    assert len(wire.waits) == 12 + 10


def test_who_uses_a_board_is_noted(tmp_path: Path) -> None:
    """A byte from the host, a byte to it, and any question keep a board awake for 20 s."""
    now_s = 0.0
    wire = Wire(tmp_path / "tty", clock=lambda: now_s)
    host = os.open(wire.port, os.O_RDWR | os.O_NOCTTY)

    def ask() -> None:
        os.write(host, b"?")
        while not wire.receive():
            time.sleep(0.001)

    for use in (ask, lambda: wire.send(b"!"), wire.use):
        now_s += 21
        assert wire.nobody_uses_it
        use()
        now_s += 19
        assert not wire.nobody_uses_it
        wire.receive()
        now_s += 2
        assert wire.nobody_uses_it, "nothing is no use"
    os.close(host)
    wire.close()


_PUSHES = """
.global __ts_stack_bottom
.global __ts_stack_top
.equ __ts_stack_bottom, STACK - 0x1000
.equ __ts_stack_top, STACK
.macro push_often registers
    mov r6, #1000
2:  push {\\registers}
    pop {\\registers}
    ldr r1, [r5]
    subs r6, #1
    bne 2b
.endm
start:
    uart_up
    ldr r5, =UART+0x108
    push_often r0-r3
    push_often r0-r7
    done
"""


def test_stack_that_was_seen_costs_no_more_looks(run_program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firmware that polls its receiver writes 12,000 words to its stack; only those that are deeper are looked at."""
    looks = []
    look = Hooks._write_stack

    def count(hooks: Hooks, *write: Any) -> None:
        looks.append(write)
        look(hooks, *write)

    monkeypatch.setattr(Hooks, "_write_stack", count)
    monkeypatch.setattr("tinysine.emulation.hooks.counting_library", lambda: None)
    twin = run_program(_PUSHES)
    assert "0xF0000000" in (twin.report() or "")
    assert twin.status()["stack_bytes"] == 32
    assert 0 < len(looks) < 100


_PWM = """
start:
    put 0x4001C500, 0
    put 0x4001C560, 13
    put 0x4001C500, 1
    put 0x4001C50C, 4
    put 0x4001C508, 200
    put 0x4001C514, 0
    put 0x4001C520, 0x20010000
    put 0x4001C524, 1
    {steps}
    done
"""


def test_led_trace_is_what_the_pwm_plays(run_program) -> None:
    """Bit 15 starts the pulse high; without it the pulse is the rest of the period. Above the top it is all of it."""
    steps = ""
    for value in (0x8000 | 50, 0x8000, 150, 0x8000 | 300):
        steps += f"put 0x20010000, {value}\nput 0x4001C008, 1\n"
    twin = run_program(_PWM.format(steps=steps))
    duties = [duty for _, duty in twin.led_trace()]
    assert duties[-4:] == [0.25, 0.0, 0.25, 1.0]
    seconds = [at for at, _ in twin.led_trace()]
    assert seconds == sorted(seconds)


def test_led_trace_of_a_sequence(run_program) -> None:
    """Two values with REFRESH 999 at 5 kHz: the second comes 0.2 s after the first."""
    steps = "put 0x20010000, 0x80648032\nput 0x4001C524, 2\nput 0x4001C528, 999\nput 0x4001C008, 1\n"
    twin = run_program(_PWM.format(steps=steps + "1: ldr r0, =UART+0x108\nldr r1, [r0]\nb 1b\n"), ends=False)
    wait_until(lambda: [duty for _, duty in twin.led_trace()[-2:]] == [0.25, 0.5])
    (first, low), (second, high) = twin.led_trace()[-2:]
    assert (low, high) == (0.25, 0.5)
    assert second - first == pytest.approx(0.2)


def test_pin_of_a_disabled_pwm_follows_gpio(run_program) -> None:
    """The loader's PWM drives the LED until it is disabled; then the pin's own level shows, once it is steady."""
    on = "put 0x50000508, 1<<13\nput 0x50000734, 3\n"
    twin = run_program(f"start:\n{on}done\n")
    assert twin.led_trace()[-1][1] == 0.5
    # Time passes as the firmware looks at a clock and finds nothing to read.
    wait = "put 0xE000E014, 0xFFFFFF\nput 0xE000E010, 5\nldr r2, =4000\nldr r3, =0x40002108\nldr r4, =0xE000E018\n"
    wait += "1: ldr r0, [r3]\nldr r0, [r4]\nsubs r2, #1\nbne 1b\n"
    twin = run_program(f"start:\nuart_up\n{on}put 0x4001C500, 0\n{wait}done\n")
    assert twin.led_trace()[-1][1] == 1.0
    assert twin.pins()["P0.13"] == {"function": "GPIO", "direction": "output", "level": 1, "pull": "none"}


def test_pins_show_what_the_driver_connected(run_program) -> None:
    """Functions, directions and pulls, by pin."""
    twin = run_program("start:\nuart_up\nput 0x50000A0C, 3\nput 0x50000A28, 0xC\ndone\n")
    pins = twin.pins()
    assert pins["P1.03"]["function"] == "UART0.TXD"
    assert pins["P1.03"]["direction"] == "output"
    assert pins["P1.10"] == {"function": "UART0.RXD", "direction": "input", "level": 0, "pull": "up"}
    assert pins["P0.13"]["function"] == "PWM0.OUT[0]"


def test_free_clock_lets_idle_time_pass(run_program) -> None:
    """SysTick runs on the board's own time, which flies while the receiver is empty."""
    body = """
start:
    uart_up
    put UART, 1
    put 0xE000E014, 0xFFFFFF
    put 0xE000E018, 0
    put 0xE000E010, 5
    ldr r4, =UART+0x108
    movs r5, #100
1:  ldr r0, [r4]
    subs r5, #1
    bne 1b
    ldr r0, =0xE000E018
    ldr r1, [r0]
    ldr r0, =0x2001F000
    str r1, [r0]
    done
"""
    twin = run_program(body)
    elapsed = 0xFFFFFF - int.from_bytes(twin.peek(0x2001F000, 4), "little")
    assert elapsed / 64e6 == pytest.approx(0.1, rel=0.01)
