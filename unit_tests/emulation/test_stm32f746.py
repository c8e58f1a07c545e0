"""The STM32F746: its ways out of reset, its clock tree's limits, and what stops a driver that takes a wrong step."""

from __future__ import annotations

import struct

import pytest

BOARD = "stm32f746g-disco"


def _wait(address: str, bit: int) -> str:
    return f"9: ldr r0, ={address}\nldr r1, [r0]\ntst r1, #{1 << bit}\nbeq 9b\n"


# As the fact sheet has it.
HSE = "put 0x40023800, 0x00010083\n" + _wait("0x40023800", 17)
PLL = HSE + "put 0x40023804, 0x29406C19\nput 0x40023800, 0x01010083\n" + _wait("0x40023800", 25)
OVERDRIVE = (
    "put 0x40023840, 0x10000000\nput 0x40007000, 0x1C000\n"
    + _wait("0x40007004", 16)
    + "put 0x40007000, 0x3C000\n"
    + _wait("0x40007004", 17)
)
FLASH_WAITS = "put 0x40023C00, 0x307\n"
SWITCH = "put 0x40023808, 0x9400\nput 0x40023808, 0x9402\n"
FULL_SPEED = PLL + OVERDRIVE + FLASH_WAITS + SWITCH
UART_ON = "put 0x40023890, 0\nput 0x40023844, 0x10\n"
UART_UP = UART_ON + "put 0x4001100C, 139\nput 0x40011000, 0xD\n"
PORTS = "put 0x40023830, 0x00100103\n"
PINS = (
    PORTS
    + "put 0x40020000, 0xA8080000\nput 0x40020024, 0x70\n"
    + "put 0x40020400, 0x8280\nput 0x40020420, 0x70000000\n"
)
CACHES = """
    put 0xE000EF50, 0
    ldr r0, =0xE000EF60
    movs r2, #0
7:  movs r3, #0
8:  lsls r1, r3, #30
    orr r1, r1, r2, lsl #5
    str r1, [r0]
    adds r3, #1
    cmp r3, #4
    bne 8b
    adds r2, #1
    cmp r2, #32
    bne 7b
    put SCB+0x14, 0x70200
"""
CASES = {
    "no such register": ("put 0x4001102C, 1", ["0x4001102C", "no register"]),
    "no such peripheral": ("put 0x40000000, 1", ["0x40000000", "has nothing"]),
    "no such bit": ("put 0x40023C00, 0x10", ["FLASH.ACR", "0x00000010"]),
    "stack overflow": ("ldr sp, =0x20000000\npush {r0}", ["0x1FFFFFFC", "overflowed"]),
    "port without a clock": ("put 0x40020000, 0xA8000000", ["GPIOA.MODER", "no clock", "AHB1ENR"]),
    "USART without a clock": ("put 0x40011000, 0", ["USART1.CR1", "no clock", "APB2ENR"]),
    "PWR without a clock": ("put 0x40007000, 0xC000", ["PWR.CR1", "no clock", "PWREN"]),
    "PLL before its source": ("put 0x40023804, 0x29406C19\nput 0x40023800, 0x01010083", ["HSERDY"]),
    "PLL changed while on": (PLL + "put 0x40023804, 0x24003010", ["PLLCFGR", "while the PLL is on"]),
    "PLL out of range": (HSE + "put 0x40023804, 0x29407D19\nput 0x40023800, 0x01010083", ["PLL", "MHz"]),
    "switch before ready": ("put 0x40023808, 2", ["PLL", "before it was ready"]),
    "too few wait states": (
        PLL + OVERDRIVE + "put 0x40023C00, 6\n" + SWITCH,
        ["216 MHz", "6 wait states", "210 MHz"],
    ),
    "no over-drive": (PLL + FLASH_WAITS + SWITCH, ["216 MHz", "180 MHz", "over-drive"]),
    "APB1 too fast": (PLL + OVERDRIVE + FLASH_WAITS + "put 0x40023808, 0x8002", ["APB1", "54 MHz"]),
    "APB2 too fast": (PLL + OVERDRIVE + FLASH_WAITS + "put 0x40023808, 0x1402", ["APB2", "108 MHz"]),
    "over-drive switched before ready": (
        "put 0x40023840, 0x10000000\nput 0x40007000, 0x3C000",
        ["ODSWEN", "ODRDY"],
    ),
    "oscillator in use stopped": ("put 0x40023800, 0x82", ["HSI", "runs on"]),
    "wrong baud rate": (
        UART_ON + "put 0x4001100C, 938\nput 0x40011000, 0xD",
        ["17058 baud", "16 MHz", "115200"],
    ),
    "rate of the other clock": (
        FULL_SPEED + UART_ON + "put 0x4001100C, 139\nput 0x40011000, 0xD",
        ["776978 baud", "108 MHz"],
    ),
    "rate while enabled": (UART_UP + "put 0x4001100C, 139", ["BRR", "while the block is enabled"]),
    "sending while off": (UART_ON + PINS + "put 0x40011028, 65", ["TDR", "transmitter is off"]),
    "sending without a pin": (
        UART_UP + PORTS + "put 0x40011028, 65",
        ["PA9", "no alternate function", "AFR 7"],
    ),
    "receiving without a pin": (UART_UP + PORTS + "ldr r0, =0x4001101C\nldr r1, [r0]", ["PB7", "RX"]),
    "wrong alternate function": (
        UART_UP + PINS + "put 0x40020024, 0x80\nput 0x40011028, 65",
        ["PA9", "alternate function 8"],
    ),
    "sending before TXE": (
        UART_UP + PINS + "put 0x40011028, 65\nput 0x40011028, 66",
        ["TDR", "TXE", "lost"],
    ),
    "reading an empty receiver": (UART_UP + PINS + "ldr r0, =0x40011024\nldr r1, [r0]", ["RXNE"]),
    "UART interrupt": (UART_ON + "put 0x40011000, 0x2D", ["emulator cannot go on", "CR1"]),
    "instruction cache full of noise": ("put SCB+0x14, 0x60200", ["ICIALLU"]),
    "data cache full of noise": ("put SCB+0x14, 0x50200", ["DCISW", "128"]),
    "double precision": (
        "put SCB+0x88, 0xF00000\ndsb\nisb\nb 1f\n.ltorg\n1: vmov s0, r0\nb 2f\n2: .inst.w 0xEE300B00",
        ["double precision"],
    ),
    "flash programming": ("put 0x40023C04, 0x45670123", ["emulator cannot go on", "KEYR"]),
}


@pytest.mark.parametrize("name", CASES)
def test_violation_stops_with_a_report(run_program, check_report, name: str) -> None:
    """The report names the register, the pin or the limit, and what is wrong or missing."""
    body, expected = CASES[name]
    check_report(run_program(f"start:\n{body}\ndone\n", board=BOARD), expected)


def test_the_right_order_is_not_stopped(run_program) -> None:
    """Crystal, PLL, over-drive, wait states, dividers, switch; caches; UART; pins: a byte goes out unchallenged."""
    uart = UART_ON + "put 0x4001100C, 938\nput 0x40011000, 0xD\n"
    twin = run_program(f"start:\n{FULL_SPEED}{CACHES}{uart}{PINS}put 0x40011028, 65\ndone\n", board=BOARD)
    assert "0xF0000000" in (twin.report() or "")


@pytest.mark.parametrize(
    ("loader", "vtor", "source"),
    [("itcm", 0x00200000, 0), ("axim", 0x08000000, 0), ("debugger", 0x08000000, 0xA)],
)
def test_boot_state(run_program, loader, vtor, source) -> None:
    """VTOR is where the boot option points, the flash is seen there, and a debugger may have left the PLL running."""
    body = """
start:
    ldr r7, =0x20008000
    ldr r0, =0xE000ED08
    ldr r1, [r0]
    ldr r2, [r1]
    ldr r0, =0x40023808
    ldr r3, [r0]
    and r3, r3, #0xF
    stm r7, {r1-r3}
    done
"""
    twin = run_program(body, board=BOARD, loader=loader)
    assert struct.unpack("<3I", twin.peek(0x20008000, 12)) == (vtor, 0x20010000, source)


def test_core_clock_follows_the_clock_tree(run_program) -> None:
    """In the same time, SysTick counts 13.5 times as far at 216 MHz as at 16 MHz."""
    body = """
.macro span
    put 0xE000E014, 0xFFFFFF
    put 0xE000E018, 0
    put 0xE000E010, 5
    ldr r0, =0xE000E018
    ldr r4, [r0]
    mov r6, #1000
6:  ldr r5, [r0]
    subs r6, #1
    bne 6b
    subs r4, r5
    put 0xE000E010, 0
.endm
start:
    span
    ldr r7, =0x20008000
    str r4, [r7]
    {full_speed}
    span
    ldr r7, =0x20008000
    str r4, [r7, #4]
    done
"""
    twin = run_program(body.replace("{full_speed}", FULL_SPEED), board=BOARD)
    slow, fast = struct.unpack("<2I", twin.peek(0x20008000, 8))
    assert slow == 16_000  # a thousand looks of a microsecond on the free clock
    assert fast == 216_000


def test_cycle_counter_is_locked_until_its_key_comes(run_program) -> None:
    """Writes to a locked DWT do nothing; after LAR it counts."""
    body = """
start:
    put DEMCR, 0x1000000
    put DWT+4, 77
    put DWT, 1
    ldr r0, =DWT
    ldr r2, [r0, #4]
    put DWT+0xFB0, 0xC5ACCE55
    put DWT, 1
    nop
    ldr r0, =DWT
    ldr r3, [r0, #4]
    ldr r7, =0x20008000
    stm r7, {r2, r3}
    done
"""
    locked, counting = struct.unpack("<2I", run_program(body, board=BOARD).peek(0x20008000, 8))
    assert locked == 0
    assert counting > 0


def test_pins_show_what_the_driver_connected(run_program) -> None:
    """Alternate functions by name, the LED's output; the debugger's pins are as reset left them."""
    led = "put 0x40022018, 2\nput 0x40022000, 4\n"
    twin = run_program(f"start:\n{PINS}{led}\ndone\n", board=BOARD)
    assert twin.pins() == {
        "PA9": {"function": "USART1_TX", "direction": "output", "level": 0, "pull": "none"},
        "PB7": {"function": "USART1_RX", "direction": "input", "level": 0, "pull": "none"},
        "PI1": {"function": "GPIO", "direction": "output", "level": 1, "pull": "none"},
    }


def test_overrun_persists_until_it_is_cleared(run_program) -> None:
    """ISR.ORE after bytes were lost stays through reads, and goes with ICR.ORECF."""
    body = f"""
start:
    {UART_UP}{PINS}
    ldr r4, =0x40011000
2:  ldr r0, [r4, #0x1C]
    ands r1, r0, #8
    beq 2b
    ldr r2, [r4, #0x1C]
    and r2, r2, #8
    movs r0, #8
    str r0, [r4, #0x20]
    ldr r3, [r4, #0x1C]
    and r3, r3, #8
    ldr r7, =0x20008000
    stm r7, {{r1-r3}}
    done
"""
    twin = run_program(body, board=BOARD, clock="real", ends=False)
    twin.overrun(1)
    while twin.status()["state"] == "running":
        pass
    assert struct.unpack("<3I", twin.peek(0x20008000, 12)) == (8, 8, 0)
