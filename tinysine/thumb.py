"""As much of the Thumb encoding (Arm v7-M Architecture Reference Manual, A5 and A7.7) as object code is read by."""

from __future__ import annotations

IT_STATE = 0x0600FC00  # of XPSR: where an IT block stands (B1.4.2)


def is_wide(halfword: int) -> bool:
    """True for the first halfword of a 32-bit instruction (A5.1)."""
    return halfword >> 11 in (0b11101, 0b11110, 0b11111)


def branch_offset(first: int, second: int) -> int:
    """The signed distance of BL and B.W (encoding T4), from the instruction's address plus 4."""
    sign = first >> 10 & 1
    i1 = 1 - ((second >> 13 & 1) ^ sign)
    i2 = 1 - ((second >> 11 & 1) ^ sign)
    value = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    return value - (1 << 25) if sign else value


def narrow_branch_offset(halfword: int) -> int | None:
    """The signed distance of a 16-bit B, from the instruction's address plus 4; None for anything else."""
    if halfword & 0xF800 == 0xE000:  # encoding T2
        return ((halfword & 0x7FF ^ 0x400) - 0x400) * 2
    if halfword & 0xF000 == 0xD000 and halfword & 0xE00 != 0xE00:  # T1, which has a condition
        return ((halfword & 0xFF ^ 0x80) - 0x80) * 2
    return None


def stack_taken(first: int, second: int | None) -> int | None:
    """Bytes by which an instruction lowers the stack pointer; None where it sets it in a way that is not read here.

    Args:
        first, second: its halfwords; the second is None for a 16-bit instruction.
    """
    if second is None:
        if first & 0xFE00 == 0xB400:  # PUSH
            return 4 * (first & 0x1FF).bit_count()
        if first & 0xFF80 == 0xB080:  # SUB SP, SP, #imm7
            return 4 * (first & 0x7F)
        return None if first & 0xFF87 in (0x4485, 0x4685) else 0  # ADD SP, Rm; MOV SP, Rm
    return _stored_below(first, second) or _subtracted(first, second)


def _stored_below(first: int, second: int) -> int:
    if first == 0xE92D:  # PUSH.W
        return 4 * second.bit_count()
    if first == 0xF84D and second & 0xF00 == 0xD00:  # PUSH.W of one register
        return second & 0xFF
    doubles = first == 0xE96D or (first & 0xFFBF == 0xED2D and second & 0xE00 == 0xA00)  # STRD, VPUSH
    return 4 * (second & 0xFF) if doubles else 0


def _subtracted(first: int, second: int) -> int | None:
    if second & 0x8F00 != 0x0D00:  # the destination is not SP
        return 0
    imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    if first & 0xFBEF == 0xF1AD:  # SUB.W
        return expand_immediate(imm12)
    if first & 0xFBFF == 0xF2AD:  # SUBW
        return imm12
    return None if first & 0xFFEF in (0xEBAD, 0xEB0D) else 0  # SUB.W and ADD.W of a register


def expand_immediate(imm12: int) -> int:
    """The constant of a data processing instruction (ThumbExpandImm, A5.3.2)."""
    byte = imm12 & 0xFF
    if imm12 >> 10 == 0:
        return byte * (1, 0x00010001, 0x01000100, 0x01010101)[imm12 >> 8]
    value, turn = 0x80 | imm12 & 0x7F, imm12 >> 7
    return (value >> turn | value << 32 - turn) & 0xFFFFFFFF


def goes_on(first: int, second: int | None) -> bool:
    """True for an instruction after which the next one may run: no jump, no return, no trap."""
    if second is None:
        jumps = first & 0xF800 == 0xE000 or first & 0xFF00 in (0xBD00, 0xDE00)  # B; POP with PC; UDF
        return not (jumps or first & 0xFF80 == 0x4700 or first & 0xFF87 == 0x4687)  # BX; MOV PC, Rm
    if first & 0xF800 == 0xF000 and second & 0xD000 == 0x9000:  # B.W
        return False
    pops = (first == 0xE8BD and second & 0x8000) or (first == 0xF85D and second & 0xF000 == 0xF000)
    table = first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000  # TBB, TBH
    return not (pops or table)
