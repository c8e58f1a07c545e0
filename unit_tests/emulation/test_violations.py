"""Use of hardware that the chip lacks stops the firmware, with a report of place and cause."""

from __future__ import annotations

import pytest

from tinysine.emulation.registers import load_registers

CASES = {
    "outside the memory map, read": ("ldr r0, =0x60000000\nldr r1, [r0]", ["0x60000000", "has nothing"]),
    "outside the memory map, write": ("put 0x30000000, 1", ["0x30000000", "has nothing", "00000001"]),
    "flash written": ("put 0x20, 1", ["0x00000020", "flash"]),
    "stack overflow": ("ldr sp, =0x20000000\npush {r0}", ["0x1FFFFFFC", "overflowed"]),
    "jump into nowhere": ("ldr r0, =0x40000001\nbx r0", ["fetch"]),
    "no such register": ("put UART+0x540, 1", ["0x40002540", "no register"]),
    "no such peripheral": ("put 0x40009000, 1", ["0x40009000", "has nothing"]),
    "no such bit": ("put 0x4001C000+0x50C, 8", ["PWM0.PRESCALER", "0x00000008", "0x00000007"]),
    "no such pin": ("put 0x50000300+0x508, 0x10000", ["P1.OUTSET", "0x00010000"]),
    "read-only written": ("put 0x4000040C, 1", ["CLOCK.HFCLKSTAT", "read-only"]),
    "write-only read": ("ldr r0, =0x40000000\nldr r1, [r0]", ["TASKS_HFCLKSTART", "write-only"]),
    "byte access": ("ldr r0, =0x50000504\nldrb r1, [r0]", ["P0.OUT", "1 bytes wide", "words only"]),
    "halfword access": ("ldr r0, =0x50000504\nstrh r1, [r0]", ["P0.OUT", "2 bytes wide"]),
    "unaligned access": ("ldr r0, =0x50000505\nldr r1, [r0]", ["0x5000050"]),
    "UARTE left on": ("put UART+0x500, 4", ["STOPRX", "UARTE0 is still receiving"]),
    "other face's register": ("put UART+0x51C, 65", ["UART0.TXD", "no register while"]),
    "TXD before ENABLE": ("put UART+4, 1\nput UART+0x500, 0\nput UART+0x51C, 65", ["TXD", "not enabled"]),
    "TXD before STARTTX": ("uart_up\nput UART+0x51C, 65", ["TXD", "STARTTX"]),
    "TXD before TXDRDY": (
        "uart_up\nput UART+8, 1\nput UART+0x51C, 65\nput UART+0x51C, 66",
        ["TXD", "TXDRDY", "lost"],
    ),
    "STARTRX before ENABLE": ("put UART+4, 1\nput UART+0x500, 0\nput UART, 1", ["STARTRX", "not enabled"]),
    "pins not selected": (
        "put UART+4, 1\nput UART+0x500, 0\nput UART+0x50C, 0xFFFFFFFF\nput UART+0x500, 4",
        ["TXD pin", "PSEL"],
    ),
    "wrong pins": (
        "put UART+4, 1\nput UART+0x500, 0\nput UART+0x50C, 36\nput UART+0x500, 4",
        ["P1.04", "P1.03"],
    ),
    "wrong baud rate": (
        "put UART+4, 1\nput UART+0x500, 0\nput UART+0x524, 0x01D60000\nput UART+0x500, 4",
        ["BAUDRATE", "115200"],
    ),
    "pins changed while enabled": ("uart_up\nput UART+0x50C, 36", ["while the block is enabled"]),
    "PWM pins changed while enabled": ("put 0x4001C560, 14", ["PSEL.OUT", "boot loader"]),
    "PWM started while off": ("put 0x4001C500, 0\nput 0x4001C008, 1", ["SEQSTART[0]", "not enabled"]),
    "PWM sequence in flash": (
        "put 0x4001C524, 1\nput 0x4001C520, 0x10000\nput 0x4001C008, 1",
        ["EasyDMA", "0x00010000"],
    ),
    "FPU before CPACR": ("vmov.f32 s0, #1.0", ["FPU", "CPACR"]),
    "FPU before CPACR, later block": ("b 1f\n.ltorg\n1: nop\nb 2f\n2: vmov.f32 s0, #1.0", ["FPU", "CPACR"]),
    "interrupt enabled": ("put 0xE000E100, 4", ["emulator cannot go on", "interrupt"]),
    "MPU enabled": ("put 0xE000ED94, 1", ["emulator cannot go on", "MPU"]),
    "reset without key": ("put 0xE000ED0C, 4", ["AIRCR", "0x05FA"]),
    "flash programming": ("put 0x4001E504, 1", ["emulator cannot go on", "flash"]),
    "unmodelled task": ("put 0x40000010, 1", ["emulator cannot go on", "TASKS_CAL"]),
}


@pytest.mark.parametrize("name", CASES)
def test_violation_stops_with_a_report(run_program, check_report, name: str) -> None:
    """The report names the place (pc with the function, lr) and the register, and what is wrong with it."""
    body, expected = CASES[name]
    check_report(run_program(f"start:\n{body}\ndone\n"), expected)


def test_report_names_the_instruction(run_program) -> None:
    """The program counter in the report is that of the offending store, not of its block."""
    twin = run_program("start:\nnop\nnop\nldr r0, =0x30000000\nstr r0, [r0]\nnop\nb start\n")
    assert "pc 0x00010048 (start+0x8)" in (twin.report() or "")


def test_nothing_runs_after_a_report_until_reset(run_program) -> None:
    """A stopped core stays stopped; a reset starts it again."""
    twin = run_program("start:\nldr r0, =0x2001F000\nldr r1, [r0]\nadds r1, #1\nstr r1, [r0]\ndone\n")
    before = twin.peek(0x2001F000, 4)
    assert twin.peek(0x2001F000, 4) == before
    twin.reset()
    assert int.from_bytes(twin.peek(0x2001F000, 4), "little") == int.from_bytes(before, "little") + 1


def test_every_register_of_the_facts_is_sound() -> None:
    """The facts give every register a word of its own, an access, and bits."""
    for chip in ("nrf52840", "apollo3", "stm32f746", "armv7m", "cortex-m7"):
        for block, registers in load_registers(chip).items():
            addresses = [register.address for register in registers if register.name != "ERASEPCR1"]
            assert len(set(addresses)) == len(addresses), block
            assert all(address % 4 == 0 for address in addresses)
            assert all(register.access in ("read-only", "write-only", "read-write") for register in registers)
            assert all(register.mask for register in registers), block
