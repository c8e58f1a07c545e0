"""As much of the Thumb encoding (ARMv7-M ARM, A5) as the emulator has to know itself."""

from __future__ import annotations


def is_wide(halfword: int) -> bool:
    """True for the first halfword of a 32-bit instruction (A5.1)."""
    return halfword >> 11 in (0b11101, 0b11110, 0b11111)


def instruction_starts(code: bytes) -> list[int]:
    """Offsets at which the instructions of `code` start."""
    starts = []
    at = 0
    while at + 1 < len(code):
        starts.append(at)
        at += 4 if is_wide(code[at] | code[at + 1] << 8) else 2
    return starts


def first_floating_point(code: bytes) -> int | None:
    """Offset of the first instruction of `code` that needs the FPU: coprocessor space (A5.3.18), CP10 or CP11."""
    for at in instruction_starts(code):
        if (
            at + 3 < len(code)
            and code[at + 1] & 0xEF in (0xEC, 0xED, 0xEE)
            and code[at + 3] & 0xF in (10, 11)
        ):
            return at
    return None


def first_double_precision(code: bytes) -> int | None:
    """Offset of the first data-processing instruction of `code` on doubles: CP11 (A7.5); loads and stores of
    double registers are not among them, they need no double precision.
    """
    for at in instruction_starts(code):
        if (
            at + 3 < len(code)
            and code[at + 1] & 0xEF == 0xEE
            and code[at + 3] & 0xF == 11
            and not code[at + 2] & 0x10
        ):
            return at
    return None
