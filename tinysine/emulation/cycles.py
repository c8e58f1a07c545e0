"""An estimate of the cycles that a Cortex-M4 takes, from Arm's Technical Reference Manual (DDI 0439, r0p1).

Memory has no wait states. What an instruction costs is known from the block of code that it stands in, but for taken
branches. An instruction in an IT block costs the same whether its condition is true or not. Silicon takes more: its
flash is slower than its core.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tinysine.emulation.thumb import instruction_starts
from tinysine.thumb import is_wide

# In tenths of a cycle, so that sums are exact. Table 3-1 is "Processor instruction set summary", 3.3.2 "Load/store
# timings", Table 7-1 "FPU instruction set".
ONE = 10  # Table 3-1: data processing, multiplies and their accumulation, IT, NOP
# Table 3-1: a taken branch is 1 + P, P from 1 to 3 "depending on the alignment and width of the target instruction, and
# whether the processor manages to speculate the address early". Published measurements lie around 1.6.
REFILL = 16
LOAD = 20  # Table 3-1: LDR
LOAD_PIPELINED = 10  # 3.3.2: after another LDR whose result is no part of the address
STORE = 10  # 3.3.2: STR is one cycle; the data go through the write buffer
DIVISION = 120  # Table 3-1: SDIV, UDIV 2 to 12; here the most
TABLE_BRANCH = 20  # Table 3-1: TBB, TBH 2 + P
EXCLUSIVE = 20  # Table 3-1: LDREX, STREX
SPECIAL_REGISTER = 20  # Table 3-1: MRS, MSR, CPS 1 or 2; here the most
FLOAT_ACCUMULATE = 30  # Table 7-1: VMLA, VMLS, VNMLA, VNMLS, VFMA, VFMS, VFNMA, VFNMS
FLOAT_DIVISION = 140  # Table 7-1: VDIV, VSQRT
FLOAT_LOAD = 20  # Table 7-1: VLDR, VSTR of a single; 3 of a double
FLOAT_MOVE = 20  # Table 7-1: VMOV between registers of the core and singles, or two of each

_BLOCKS = 1 << 16
_SP, _PC = 13, 15


class _Instruction(NamedTuple):
    """Cost of one instruction, and its effect on a load after it. Registers are bits.

    Attributes:
        loaded: by a single load; 0 if this is none.
        address: registers that the address of a single load is made of.
    """

    tenths: int
    loaded: int = 0
    address: int = 0


_PLAIN = _Instruction(ONE)


def _several(count: int) -> _Instruction:
    """Table 3-1: LDM, STM, PUSH, POP, LDRD, STRD, VLDM, VSTM, 1 + N. 3.3.2: none is pipelined with its neighbours."""
    return _Instruction(10 + 10 * count)


def _load(register: int, *address: int) -> _Instruction:
    return _Instruction(LOAD, 1 << register, sum({1 << each for each in address}))


@lru_cache(_BLOCKS)
def estimated_tenths(code: bytes) -> tuple[int, ...]:
    """Tenths of a cycle that each instruction of a block takes, taken branches without their `REFILL`."""
    costs = []
    before = _PLAIN
    for at in instruction_starts(code):
        first = code[at] | code[at + 1] << 8
        if not is_wide(first):
            instruction = _decode_narrow(first)
        elif at + 3 < len(code):
            instruction = _decode_wide(first, code[at + 2] | code[at + 3] << 8)
        else:
            instruction = _PLAIN
        follows = before.loaded and instruction.loaded and not before.loaded & instruction.address
        costs.append(LOAD_PIPELINED if follows else instruction.tenths)
        before = instruction
    return tuple(costs)


def _decode_narrow(code: int) -> _Instruction:
    """A5.2 of the ARMv7-M Architecture Reference Manual, as all that follows."""
    low, middle, high = code & 7, code >> 3 & 7, code >> 6 & 7
    kind = code >> 12
    if code >> 11 == 0b01001:  # LDR of a literal
        return _load(code >> 8 & 7, _PC)
    if kind == 5:
        return _load(low, middle, high) if code >> 9 & 7 >= 3 else _Instruction(STORE)
    if kind in (6, 7, 8, 9):
        register, base = (code >> 8 & 7, _SP) if kind == 9 else (low, middle)
        return _load(register, base) if code & 0x800 else _Instruction(STORE)
    if code & 0xF600 == 0xB400:  # PUSH, POP
        return _several((code & 0x1FF).bit_count())
    if kind == 12:  # STM, LDM
        return _several((code & 0xFF).bit_count())
    return _Instruction(SPECIAL_REGISTER) if code & 0xFFE8 == 0xB660 else _PLAIN


def _decode_wide(first: int, second: int) -> _Instruction:
    """A5.3."""
    if first & 0xFE40 == 0xE800:  # LDM, STM
        return _several(second.bit_count())
    if first & 0xFE40 == 0xE840:
        return _double_or_exclusive(first, second)
    if first & 0xFE00 == 0xF800:
        return _single(first, second)
    if first >> 8 & 0xEF in (0xEC, 0xED, 0xEE) and second >> 8 & 0xF in (10, 11):
        return _floating_point(first, second)
    if first & 0xFFD0 == 0xFB90:
        return _Instruction(DIVISION)
    special = first & 0xFFE0 in (0xF380, 0xF3E0) and second & 0xD000 == 0x8000
    return _Instruction(SPECIAL_REGISTER) if special else _PLAIN


def _single(first: int, second: int) -> _Instruction:
    """A5.3.7 to A5.3.10."""
    if not first & 0x10:
        return _Instruction(STORE)
    base, register = first & 0xF, second >> 12
    by_register = base != _PC and not first & 0x80 and not second & 0x800
    return _load(register, base, *([second & 0xF] if by_register else []))


def _double_or_exclusive(first: int, second: int) -> _Instruction:
    """A5.3.6."""
    if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:
        return _Instruction(TABLE_BRANCH)
    exclusive = first & 0xFFE0 == 0xE840 or (first & 0xFFE0 == 0xE8C0 and second & 0xF0 in (0x40, 0x50))
    return _Instruction(EXCLUSIVE) if exclusive else _several(2)


def _floating_point(first: int, second: int) -> _Instruction:
    """A6."""
    single = second >> 8 & 0xF == 10
    if first >> 8 & 0xF != 0xE:
        if first & 0xFFE0 == 0xEC40:
            return _Instruction(FLOAT_MOVE)
        if first & 0xFF20 == 0xED00:  # VLDR, VSTR
            return _Instruction(FLOAT_LOAD if single else FLOAT_LOAD + 10)
        return _several(second & 0xFF)
    if second & 0x10:  # to a register of the core, or from one
        return _Instruction(FLOAT_MOVE) if single and first & 0xFFE0 == 0xEE00 else _PLAIN
    operation = first >> 4 & 0xB
    if operation in (0, 1, 9, 10):
        return _Instruction(FLOAT_ACCUMULATE)
    root = operation == 11 and first & 0xF == 1 and second >> 6 & 3 == 3
    return _Instruction(FLOAT_DIVISION) if operation == 8 or root else _PLAIN
