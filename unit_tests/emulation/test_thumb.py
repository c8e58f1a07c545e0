"""As much of the Thumb encoding as the emulator knows itself, and what Unicorn makes of conditional loads."""

from __future__ import annotations

import pytest

from tinysine.emulation.thumb import first_double_precision, first_floating_point, straight_line

NOP, DSB, ISB = bytes.fromhex("00bf"), bytes.fromhex("bff34f8f"), bytes.fromhex("bff36f8f")
VADD_F32, VADD_F64 = bytes.fromhex("30ee210a"), bytes.fromhex("30ee010b")
VLDR_D0, VMOV_D0_R0_R1 = bytes.fromhex("90ed000b"), bytes.fromhex("41ec100b")
MOVW, LDR_WIDE = bytes.fromhex("40f20100"), bytes.fromhex("d0f80410")


@pytest.mark.parametrize(
    "last",
    [
        *("fee7", "fed1", "7047", "8047", "08b1", "08b9", "00bd", "00be", "00df", "00de", "8746", "8744"),
        *("00f000f8", "fff7feff", "00f00080", "bff36f8f", "dfe800f0", "dfe810f0", "bde80080", "dff800f0"),
    ],
)
def test_straight_line_ends_with_what_may_branch(last: str) -> None:
    """B, BX, BLX, CBZ, POP, LDM and LDR to pc, BKPT, SVC, UDF, BL, barriers, TBB, TBH: no more is counted."""
    code = NOP + MOVW + LDR_WIDE
    assert straight_line(code + bytes.fromhex(last) + NOP * 4) == len(code) + len(bytes.fromhex(last))


def test_straight_line_goes_on_otherwise() -> None:
    """Arithmetic, loads, floating point and an IT instruction end nothing, nor does half an instruction at the end."""
    code = NOP + MOVW + LDR_WIDE + VADD_F32 + VLDR_D0 + bytes.fromhex("08bf") + NOP
    assert straight_line(code) == len(code)
    assert straight_line(code + MOVW[:2]) == len(code) + 2


def test_double_precision_is_arithmetic_on_doubles_only() -> None:
    """Loading and moving a double register takes no double precision; adding two does."""
    assert first_double_precision(NOP + VADD_F32 + VLDR_D0 + VMOV_D0_R0_R1) is None
    assert first_double_precision(NOP + VADD_F64) == 2
    assert first_floating_point(NOP + VLDR_D0) == 2


@pytest.mark.parametrize("address", ["0x40000418", "0x2001F100", "0x10000060"])
def test_code_after_a_conditional_load_is_executed(run_program, address: str) -> None:
    """A load in an IT block, of a register or of memory, leaves no condition on the block of code that follows."""
    body = f"""
start:
    ldr r3, ={address}
    movs r5, #0
    movs r0, #0
    movs r4, #0
    cmp r0, #0
    itte eq
    ldreq r1, [r3]
    moveq r2, #2
    movne r4, #4
    b 1f
    .ltorg
1:  adds r5, #1
    adds r5, #2
    adds r5, #4
    ldr r7, =0x2001F000
    stm r7, {{r2, r4, r5}}
    done
"""
    twin = run_program(body)
    assert [int.from_bytes(twin.peek(0x2001F000 + 4 * index, 4), "little") for index in range(3)] == [2, 0, 7]


def test_code_after_a_conditional_store_to_the_stack_is_executed(run_program) -> None:
    """The emulator looks at each new depth of the stack; that leaves no condition on the code that follows."""
    body = """
.global __ts_stack_bottom
.global __ts_stack_top
.equ __ts_stack_bottom, STACK - 0x1000
.equ __ts_stack_top, STACK
keep:
    movs r0, #0
    cmp r0, #0
    ite eq
    streq r1, [sp, #-8]
    movne r4, #4
    bx lr
start:
    movs r5, #0
    movs r1, #7
    movs r4, #1
    bl keep
    adds r5, #1
    adds r5, #2
    adds r5, #4
    ldr r7, =0x2001F000
    stm r7, {r4, r5}
    done
"""
    twin = run_program(body)
    assert [int.from_bytes(twin.peek(0x2001F000 + 4 * index, 4), "little") for index in range(2)] == [1, 7]
    assert twin.status()["stack_bytes"] == 8


def test_fpu_may_be_used_right_after_the_barrier(run_program) -> None:
    """CPACR, ISB, and the next instruction may be a floating-point one."""
    body = "put SCB+0x88, 0xF00000\ndsb\nisb\nvmov.f32 s0, #1.0\nvmov r0, s0\nldr r7, =0x2001F000\nstr r0, [r7]\n"
    twin = run_program(f"start:\n{body}done\n")
    assert twin.peek(0x2001F000, 4) == bytes.fromhex("0000803f")
