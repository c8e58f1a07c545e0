"""The Apollo3: what its loaders leave, and what stops a driver that takes a wrong step."""

from __future__ import annotations

import struct

import pytest

from tinysine.boards import load_board
from tinysine.errors import ConfigError

BOARD = "sparkfun-edge"
# As the fact sheet has it: power, clock, divisor, frame, enable; then the pads.
POWER = """
    put 0x40021008, 0x80
9:  ldr r0, =0x40021018
    ldr r1, [r0]
    tst r1, #4
    beq 9b
"""
UART_UP = (
    POWER
    + """
    put 0x4001C030, 0
    put 0x4001C030, 0x18
    put 0x4001C024, 13
    put 0x4001C028, 1
    put 0x4001C034, 0x12
    put 0x4001C02C, 0x70
    put 0x4001C030, 0x319
"""
)
PADS = """
    put 0x40010060, 0x73
    put 0x40010030, 0x0200
    put 0x40010060, 0
"""
LED_UP = """
    put 0x4000810C, 0x24920292
    put 0x40008044, 0x00FF00BF
    put 0x4000804C, 0xC5
    put 0x40010118, 0xFEFFFFFF
    put 0x40010060, 0x73
    put 0x4001002C, 0x18101818
    put 0x40010060, 0
"""
SEND_33 = "ldr r0, =0x4001C000\nmovs r1, #65\n" + "str r1, [r0]\n" * 33
CASES = {
    "no such register": ("put 0x4001C050, 1", ["0x4001C050", "no register"]),
    "no such peripheral": ("put 0x4001D000, 1", ["0x4001D000", "has nothing"]),
    "no such bit": ("put 0x40004018, 2", ["CLKGEN.CCTRL", "0x00000002"]),
    "stack overflow": ("ldr sp, =0x10000000\npush {r0}", ["0x0FFFFFFC", "overflowed"]),
    "no such pad": ("put 0x40010094, 0x40000", ["GPIO.WTSB", "0x00040000"]),
    "UART without power": ("put 0x4001C030, 0", ["UART0.CR", "no power", "DEVPWREN"]),
    "UART read without power": ("ldr r0, =0x4001C018\nldr r1, [r0]", ["UART0.FR", "no power"]),
    "UART before its power has come": ("put 0x40021008, 0x80\nput 0x4001C030, 0", ["DEVPWRSTATUS", "HCPA"]),
    "core clock without its key": ("put 0x40004018, 0", ["CCTRL", "locked", "CLKKEY"]),
    "pads without their key": ("put 0x40010030, 0x0200", ["PADREGM", "locked", "PADKEY"]),
    "pads after relocking": (PADS + "put 0x40010054, 0x02000000", ["CFGF", "locked"]),
    "UART without a clock": (POWER + "put 0x4001C030, 0x301", ["without a clock", "CLKSEL"]),
    "wrong baud rate": (
        POWER + "put 0x4001C030, 0x18\nput 0x4001C024, 26\nput 0x4001C02C, 0x70\nput 0x4001C030, 0x319",
        ["57692 baud", "115200"],
    ),
    "divisor after LCRH": (
        POWER + "put 0x4001C030, 0x18\nput 0x4001C02C, 0x70\nput 0x4001C024, 13\nput 0x4001C030, 0x319",
        ["0 baud", "LCRH"],
    ),
    "wrong frame": (
        POWER + "put 0x4001C030, 0x18\nput 0x4001C024, 13\nput 0x4001C02C, 0x60\nput 0x4001C030, 0x319",
        ["LCRH 0x60", "0x70"],
    ),
    "divisor while enabled": (UART_UP + "put 0x4001C024, 13", ["IBRD", "while the block is enabled"]),
    "sending before the pads": (UART_UP + "put 0x4001C000, 65", ["pad 48", "GPIO48", "PADREG"]),
    "receiving before the pads": (UART_UP + "ldr r0, =0x4001C018\nldr r1, [r0]", ["pad 49", "RX", "INPEN"]),
    "receiving pad without its input": (
        UART_UP + "put 0x40010060, 0x73\nput 0x40010030, 0\nldr r0, =0x4001C018\nldr r1, [r0]",
        ["pad 49", "input off"],
    ),
    "sending while off": (POWER + PADS + "put 0x4001C000, 65", ["UART0.DR", "transmitter is off"]),
    "sending without a look at TXFF": (UART_UP + PADS + SEND_33, ["33 times", "TXFF"]),
    "reading an empty receiver": (UART_UP + PADS + "ldr r0, =0x4001C000\nldr r1, [r0]", ["RXFE"]),
    "UART interrupt": (UART_UP + "put 0x4001C038, 0x10", ["emulator cannot go on", "interrupt"]),
    "another timer": ("put 0x4000800C, 1", ["emulator cannot go on", "CTRL0"]),
    "another timer mode": ("put 0x4000804C, 0x45", ["emulator cannot go on", "CTRL2"]),
    "pulses without a low phase": (
        LED_UP + "put 0x40008044, 0x00FF0000\nput 0x4000810C, 0x24923292",
        ["CMPRA2"],
    ),
    "memory power": ("put 0x40021010, 0", ["emulator cannot go on", "MEMPWREN"]),
}


@pytest.mark.parametrize("name", CASES)
def test_violation_stops_with_a_report(run_program, check_report, name: str) -> None:
    """The report names the register or the pad, and what is wrong or missing."""
    body, expected = CASES[name]
    check_report(run_program(f"start:\n{body}\ndone\n", board=BOARD), expected)


def test_the_right_order_is_not_stopped(run_program) -> None:
    """Power, clock, UART, pads, timer as the fact sheet has them: a byte is sent, and nothing complains."""
    clock = "put 0x40004014, 0x47\nput 0x40004018, 0\nput 0x40004014, 0\n"
    cache = "put 0x40018000, 0x100780\nput 0x40018000, 0x100781\n"
    twin = run_program(
        f"start:\n{clock}{cache}{UART_UP}{PADS}{LED_UP}put 0x4001C000, 65\ndone\n", board=BOARD
    )
    assert "0xF0000000" in (twin.report() or "")


_STATE = """
start:
    ldr r7, =0x10040000
    ldr r0, =0xE000ED08
    ldr r1, [r0]
    str r1, [r7]
    mrs r1, primask
    str r1, [r7, #4]
    str sp, [r7, #8]
    ldr r0, =0x40004018
    ldr r1, [r0]
    str r1, [r7, #12]
    ldr r0, =0x40021008
    ldr r1, [r0]
    str r1, [r7, #16]
    done
"""


@pytest.mark.parametrize(
    ("board", "left"),
    [
        ("sparkfun-edge", (0, 0, 0x10010000, 1, 0)),
        ("sparkfun-edge-svl", (0xC000, 1, 0x10000800, 0, 0x80)),
    ],
)
def test_boot_state(run_program, board: str, left: tuple[int, ...]) -> None:
    """The application finds what the loader left: VTOR, PRIMASK, MSP, the core's clock, UART0's power."""
    twin = run_program(_STATE, board=board)
    assert struct.unpack("<5I", twin.peek(0x10040000, 20)) == left


def test_loader_is_the_one_that_the_flash_is_laid_out_for(run_program) -> None:
    """0xC000 belongs to Ambiq's loader, 0x10000 to SparkFun's; an unknown one is refused with the known ones."""
    assert run_program("start:\ndone\n", board="sparkfun-edge").status()["loader"] == "sbl"
    assert run_program("start:\ndone\n", board="sparkfun-edge-svl").status()["loader"] == "svl"
    with pytest.raises(ConfigError) as refusal:
        run_program("start:\ndone\n", board=BOARD, loader="old")
    assert refusal.value.facts["allowed"] == ("sbl", "svl")


def test_image_for_the_other_loader_is_refused(assemble, run_program) -> None:
    """An image behind SparkFun's loader does not go where Ambiq's looks, and the other way round."""
    from tinysine.errors import FlashError

    twin = run_program("start:\ndone\n", board="sparkfun-edge-svl")
    with pytest.raises(FlashError):
        twin.flash(assemble("start:\ndone\n", origin=0xC000, stack=0x10010000))


def test_led_trace_is_what_the_timer_plays(run_program) -> None:
    """A2's low phase and period make the duty; OUTCFG2 makes it dark or full; a pad elsewhere shows nothing."""
    body = LED_UP + "put 0x4000810C, 0x24923292\nput 0x40008044, 0x00FF007F\nput 0x4000810C, 0x24921292\n"
    duties = [duty for _, duty in run_program(f"start:\n{body}\ndone\n", board=BOARD).led_trace()]
    assert duties == pytest.approx([0, 64 / 255, 128 / 255, 1])


def test_pads_show_what_the_driver_connected(run_program) -> None:
    """Function by its name in the description, direction, pull; pads left alone are not listed."""
    twin = run_program(f"start:\n{UART_UP}{PADS}{LED_UP}\ndone\n", board=BOARD)
    shown = {pad: (state["function"], state["direction"]) for pad, state in twin.pins().items()}
    assert shown == {
        "46": ("CT24", "output"),
        "48": ("UART0TX", "output"),
        "49": ("UART0RX", "input"),
    }
    board = load_board(BOARD)
    assert board.uart is not None
    assert {board.uart.tx, board.uart.rx} < set(shown)


def test_overrun_shows_in_the_status_register_until_it_is_cleared(run_program) -> None:
    """RSR.OE after bytes were lost; any write clears it."""
    body = f"""
start:
    {UART_UP}{PADS}
    ldr r4, =0x4001C000
2:  ldr r0, [r4, #0x18]
    ldr r1, [r4, #4]
    cmp r1, #0
    beq 2b
    movs r0, #0
    str r0, [r4, #4]
    ldr r2, [r4, #4]
    ldr r7, =0x10040000
    stm r7, {{r1, r2}}
    done
"""
    twin = run_program(body, board=BOARD, clock="real", ends=False)
    twin.overrun(3)
    while twin.status()["state"] == "running":
        pass
    assert struct.unpack("<2I", twin.peek(0x10040000, 8)) == (8, 0)
    assert twin.status()["overruns"] == 3
