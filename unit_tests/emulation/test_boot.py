"""The state that the boot loaders leave, resets, power, and the exceptions of the core."""

from __future__ import annotations

import struct
import time

import pytest

_STORE = """
.macro keep offset, address
    ldr r0, =\\address
    ldr r1, [r0]
    ldr r0, =0x2001F000+\\offset
    str r1, [r0]
.endm
start:
    keep 0, 0xE000ED08
    keep 4, 0xE000ED94
    keep 8, UART+0x500
    keep 12, 0x4001C500
    keep 16, 0x4001C560
    keep 20, 0x4000040C
    keep 24, 0x40000418
    mrs r1, primask
    ldr r0, =0x2001F01C
    str r1, [r0]
    str sp, [r0, #4]
    done
"""


def _words(twin, count: int, address: int = 0x2001F000) -> tuple[int, ...]:
    return struct.unpack(f"<{count}I", twin.peek(address, 4 * count))


# VTOR, MPU_CTRL, UART0.ENABLE, PWM0.ENABLE, PWM0.PSEL.OUT[0], HFCLKSTAT, LFCLKSTAT, PRIMASK, MSP
BOOT_STATES = {
    "old": (0x10000, 5, 8, 1, 13, 0, 0x10001, 0, 0x20040000),
    "new": (0, 5, 8, 1, 13, 0, 0x10001, 0, 0x20040000),
    "none": (0, 0, 0, 0, 0xFFFFFFFF, 0, 0, 0, 0x20040000),
}


@pytest.mark.parametrize("loader", BOOT_STATES)
def test_boot_state(run_program, loader: str) -> None:
    """The application finds what the loader left: VTOR, MPU, UARTE0, PWM0 on the LED, clocks, PRIMASK, MSP."""
    twin = run_program(_STORE, loader=loader)
    assert _words(twin, 9) == BOOT_STATES[loader]


def test_ram_is_execute_never_until_the_mpu_is_off(run_program) -> None:
    """RAM is execute-never until the firmware switches the MPU off."""
    body = """
.macro call_ram
    put 0x20020000, 0xBF004770
    ldr r0, =0x20020001
    blx r0
.endm
start:
    put SCB+8, 0x10000
    {mpu}
    call_ram
    done
fault:
    ldr r2, =SCB+0x28
    ldr r2, [r2]
    ldr r3, =SCB+0x2C
    ldr r3, [r3]
    ldr r1, [sp, #0x18]
    ldr r0, =0x2001F000
    stm r0, {{r1-r3}}
    done
"""
    assert "pc 0x" in (run_program(body.format(mpu="put SCB+0x94, 0")).report() or "")
    twin = run_program(body.format(mpu=""))
    assert _words(twin, 3) == (0x20020000, 1, 1 << 30)


@pytest.mark.parametrize(("loader", "survives"), [("old", False), ("new", True), ("none", True)])
def test_old_loader_overwrites_low_ram_at_each_reset(run_program, loader: str, survives: bool) -> None:
    """0x20000000..0x20009E13 is gone after a reset with the old loader; what lies above stays with all of them."""
    twin = run_program("start:\ndone\n", loader=loader)
    places = (0x20000000, 0x20009E10, 0x20009E14, 0x2003FFFC)
    for place in places:
        twin.poke(place, b"\x12\x34\x56\x78")
    twin.reset()
    kept = [twin.peek(place, 4) == b"\x12\x34\x56\x78" for place in places]
    assert kept == [survives, survives, True, True]


def test_power_off_forgets_ram(run_program) -> None:
    """RAM holds noise after power-on, and a second power-on brings other noise."""
    twin = run_program("start:\ndone\n")
    twin.poke(0x20030000, bytes(64))
    twin.power(False)
    assert twin.status()["state"] == "off"
    twin.power(True)
    noise = twin.peek(0x20030000, 64)
    assert noise != bytes(64)
    assert twin.status()["power_cycles"] == 2


def test_software_reset_keeps_ram_and_says_why(run_program) -> None:
    """AIRCR.SYSRESETREQ starts the application anew; RESETREAS tells it so."""
    body = """
start:
    ldr r0, =0x40000400
    ldr r2, [r0]
    tst r2, #4
    bne 1f
    put 0x2001F000, 0xCAFE
    put SCB+0xC, 0x05FA0004
    b .
1:  ldr r0, =0x2001F004
    str r2, [r0]
    done
"""
    twin = run_program(body)
    assert _words(twin, 2) == (0xCAFE, 5)  # the pin, by flashing, and the firmware itself


def test_firmware_can_ask_to_stay_in_the_loader(run_program) -> None:
    """GPREGRET 0xB0 and a reset leave the board in its loader."""
    twin = run_program("start:\nput 0x4000051C, 0xB0\nput SCB+0xC, 0x05FA0004\nb .\n")
    assert twin.status()["state"] == "loader"


_HANDLER = """
fault:
    mrs r4, ipsr
    ldr r5, =SCB+0x28
    ldr r5, [r5]
    ldr r6, =SCB+0x2C
    ldr r6, [r6]
    ldr r7, =0x2001F000
    str r4, [r7]
    str r5, [r7, #4]
    str r6, [r7, #8]
    str lr, [r7, #12]
    str sp, [r7, #16]
    {leave}
"""


@pytest.mark.parametrize(
    ("cause", "ipsr", "cfsr", "hfsr"),
    [
        ("udf #1", 3, 1 << 16, 1 << 30),
        ("udf.w #1", 3, 1 << 16, 1 << 30),
        ("movs r0, #0\ncmp r0, #0\nit eq\n.inst.n 0xDE01", 3, 1 << 16, 1 << 30),
        ("put SCB+0x24, 0x40000\nudf #1", 6, 1 << 16, 0),
        ("svc #7", 11, 0, 0),
        ("bkpt #1", 3, 0, 1 << 31),
        ("ldr r0, =0x10100\nbx r0", 3, 1 << 17, 1 << 30),
    ],
)
def test_fault_enters_the_handler_as_the_architecture_has_it(run_program, cause, ipsr, cfsr, hfsr) -> None:
    """IPSR, CFSR, HFSR and EXC_RETURN are right, and the frame on the stack holds the registers."""
    body = f"start:\nput SCB+8, 0x10000\nmovs r2, #0x22\nmovs r3, #0x33\nmov r12, #0x12\n{cause}\ndone\n"
    twin = run_program(body + _HANDLER.format(leave="done"))
    assert _words(twin, 4) == (ipsr, cfsr, hfsr, 0xFFFFFFF9)
    (sp,) = _words(twin, 1, 0x2001F010)
    assert sp == 0x20040000 - 32
    frame = _words(twin, 8, sp)
    assert frame[2:5] == (0x22, 0x33, 0x12)
    assert frame[7] & 0x1FF == 0


def test_return_from_exception_goes_on(run_program) -> None:
    """After SVC the handler returns, and registers, stack and flags are as before."""
    body = """
start:
    put SCB+8, 0x10000
    movs r0, #1
    movs r1, #2
    cmp r0, #1
    svc #0
    ite eq
    moveq r2, #0x77
    movne r2, #0x66
    mrs r3, ipsr
    ldr r7, =0x2001F020
    stm r7, {r0-r3}
    str sp, [r7, #16]
    done
"""
    twin = run_program(body + _HANDLER.format(leave="bx lr"))
    assert _words(twin, 5, 0x2001F020) == (1, 2, 0x77, 0, 0x20040000)
    assert _words(twin, 1) == (11,)


def test_fault_in_a_fault_handler_locks_up(run_program) -> None:
    """A fault that locks up the chip stops the emulator with a report."""
    twin = run_program("start:\nput SCB+8, 0x10000\nudf #1\nfault:\nudf #2\n")
    assert "locks up" in (twin.report() or "")


def test_hints_are_no_undefined_instructions(run_program) -> None:
    """WFI, WFE, SEV and YIELD go by; an undefined instruction right behind them does not."""
    twin = run_program("start:\nput SCB+8, 0x10000\nwfi\nwfe\nsev\nyield\nwfe\nmovs r0, #1\ndone\n")
    assert "0xF0000000" in (twin.report() or "")
    twin = run_program("start:\nput SCB+8, 0x10000\nwfe\nudf #1\nfault:\nput 0x30000000, 0\n")
    assert "0x30000000" in (twin.report() or "")


_WATCHED = """
start:
    ldr r0, =0x40000400
    ldr r2, [r0]
    tst r2, #2
    bne 1f
    put 0x40010504, 655
    put 0x40010000, 1
    {hang}
1:  ldr r0, =0x2001F000
    str r2, [r0]
    done
"""


def test_watchdog_resets_a_firmware_that_hangs(run_program) -> None:
    """Started with 20 ms and never fed, it bites; RESETREAS says who it was."""
    twin = run_program(_WATCHED.format(hang="b ."))
    assert _words(twin, 1)[0] & 2
    assert twin.status()["resets"] == 3  # power, flash, watchdog


@pytest.mark.long
def test_watchdog_that_is_fed_stays_quiet(run_program) -> None:
    """Fed all the time it resets nothing, and it takes no new settings. Stopped with a report, the board stays so."""
    feed = (
        "ldr r3, =0x40010600\nldr r4, =0x6E524635\nmov r5, #0x20000\n2: str r4, [r3]\nsubs r5, #1\nbne 2b\n"
    )
    twin = run_program(_WATCHED.format(hang=feed + "put 0x40010504, 1"))
    assert "watchdog was configured while it runs" in (twin.report() or "")
    began = time.process_time()
    while time.process_time() - began < 0.05:  # a watchdog that still ran would expire meanwhile
        pass
    assert twin.status()["resets"] == 2
