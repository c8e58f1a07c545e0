"""As much of the Thumb encoding (Arm v7-M Architecture Reference Manual, A5 and A7.7) as object code is read by."""

from __future__ import annotations


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
