"""As much of the Thumb encoding (ARMv7-M ARM, A5) as the emulator has to know itself."""

from __future__ import annotations

from functools import lru_cache

from tinysine.thumb import is_wide

# Of the blocks of an image, which the emulator translates again and again.
_BLOCKS = 1 << 16


def instruction_starts(code: bytes) -> list[int]:
    """Offsets at which the instructions of `code` start."""
    starts = []
    at = 0
    while at + 1 < len(code):
        starts.append(at)
        at += 4 if is_wide(code[at] | code[at + 1] << 8) else 2
    return starts


def straight_line(code: bytes) -> int:
    """Return the number of bytes of `code` that are certain to run if the first instruction does.

    They end after the first instruction that may branch or raise an exception, or that is a barrier.
    """
    for at in instruction_starts(code):
        first = code[at] | code[at + 1] << 8
        if not is_wide(first):
            if _ends_narrow(first):
                return at + 2
            continue
        if at + 3 >= len(code) or _ends_wide(first, code[at + 2] | code[at + 3] << 8):
            return min(at + 4, len(code))
    return len(code)


def _ends_narrow(first: int) -> bool:
    """A5.2: B, SVC and UDF; BX and BLX; CBZ and CBNZ; POP {pc}; BKPT; ADD and MOV to pc."""
    return (
        first >> 12 == 0b1101
        or first >> 11 == 0b11100
        or first >> 8 in (0x47, 0xB1, 0xB3, 0xB9, 0xBB, 0xBD, 0xBE)
        or first & 0xFD87 == 0x4487
    )


def _ends_wide(first: int, second: int) -> bool:
    """A5.3: branches and miscellaneous control, TBB and TBH, LDM and LDR to pc."""
    if first >> 11 == 0b11110:
        return bool(second & 0x8000)
    if first & 0xFE50 == 0xE810:
        return bool(second & 0x8000)
    if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:
        return True
    return first & 0xFF70 == 0xF850 and second >> 12 == 0xF


@lru_cache(_BLOCKS)
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


@lru_cache(_BLOCKS)
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
