"""The most stack that one inference can take on an AVR, read from the linked file alone.

What a function's instructions take from the stack, all added up, is never less than its frame. A return address of two
bytes belongs to who is called. Encodings: AVR Instruction Set Manual.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tinysine.elf_file import FUNCTION, NO_TYPE, opened_elf, read_symbols
from tinysine.firmware_facts import ENGINE_INVOKE
from tinysine.image.stack import Function, deepest, no_bound

# The most that the firmware and Arduino's core take, from reset to a request at its deepest, an interrupt on top:
# unit_tests/image/test_sketch_build.py holds it against the Uno in QEMU.
FIRMWARE_STACK_BYTES = 384
_RETURN_BYTES = 2  # a program counter of 16 bits
_EXECUTE = 4
_WIDE = ((0xFE0E, 0x940E), (0xFE0E, 0x940C), (0xFE0F, 0x9000), (0xFE0F, 0x9200))  # CALL, JMP, LDS, STS
_CALL, _JMP = _WIDE[:2]
_ENDS = (0x9508, 0x9518, 0x9409)  # RET, RETI, IJMP
_INDIRECT = (0x9509, 0x9409)  # ICALL, IJMP


def avr_stack_bound(elf: Path, *, entry: str = ENGINE_INVOKE) -> int | None:
    """The deepest chain of frames from `entry`, in bytes, its return address included, and an interrupt on top.

    Handlers of interrupts do not interrupt each other on an AVR, unless they ask for it.

    Args:
        elf: linked, for an AVR whose program counter has 16 bits.
    Returns:
        bytes; None where nobody tells: the entry calls what is no function of the file.
    Raises:
        BuildError: no bound exists: recursion, a call through a pointer, no entry; or the file is no ELF file.
    """
    functions = _functions(elf)
    if entry not in functions:
        raise no_bound(f"{elf.name} has no {entry}")
    inference = deepest(entry, functions)
    interrupts = [
        deepest(name, functions) for name in functions if name.startswith("__vector_") and "@" not in name
    ]
    if inference is None or None in interrupts:
        return None
    # What is used is measured in words of four bytes.
    return (inference + max((most for most in interrupts if most is not None), default=0) + 3) & ~3


def avr_stack_needed(bound: int) -> int:
    """The stack to have where one inference takes `bound` bytes at most, in bytes."""
    return bound + FIRMWARE_STACK_BYTES


def _functions(path: Path) -> dict[str, Function]:
    """Every function of the file. Local ones may share a name, so calls name their callee with its address."""
    found: dict[str, Function] = {}
    with opened_elf(path) as elf:
        symbols = read_symbols(elf)
        for index, section in enumerate(elf.iter_sections()):
            if section["sh_flags"] & _EXECUTE:
                # The compiler's own routines have a size, and no type.
                here = {
                    symbol.value: symbol
                    for symbol in symbols
                    if symbol.section == index and symbol.size and symbol.kind in (FUNCTION, NO_TYPE)
                }
                base = int(section["sh_addr"])
                functions = {
                    at: Function(f"{symbol.name}@{at:x}", _RETURN_BYTES, at + symbol.size)
                    for at, symbol in here.items()
                }
                _read(functions, section.data(), base)
                found |= {function.name: function for function in functions.values()}
                found |= {symbol.name: functions[at] for at, symbol in here.items()}
    return found


def _read(functions: dict[int, Function], code: bytes, base: int) -> None:
    """Add to each function what its instructions take, and whom they call."""
    starts = sorted(functions)

    def at(address: int) -> Function | None:
        before = bisect.bisect_right(starts, address) - 1
        function = functions[starts[before]] if before >= 0 else None
        return function if function is not None and address < function.end else None

    for start, following in pairwise([*starts, -1]):
        function = functions[start]
        taken, goes_on = _RETURN_BYTES, True
        for address, word, second in _instructions(code, base, start, function.end):
            taken += _taken(word, second)
            function.indirect |= word in _INDIRECT
            if (branch := _target(address, word, second)) is not None:
                target, returns = branch
                callee = at(target)
                if callee is None:
                    function.calls.add((f"code at {target:#x}", returns))
                elif callee is not function or (returns and target == start):
                    function.calls.add((callee.name, returns))
                elif returns:
                    taken += _RETURN_BYTES  # to a part of itself, whose instructions are counted already
            goes_on = not (word in _ENDS or word & _JMP[0] == _JMP[1] or word & 0xF000 == 0xC000)
        function.frame_bytes = taken
        if goes_on and function.end == following:
            function.calls.add((functions[following].name, False))


def _instructions(code: bytes, base: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Address, first word and the word behind it of each instruction."""
    at = start - base
    while at + 2 <= min(end - base, len(code)):
        (word,) = struct.unpack_from("<H", code, at)
        (second,) = struct.unpack_from("<H", code, at + 2) if at + 4 <= len(code) else (0,)
        yield base + at, word, second
        at += 4 if any(word & mask == value for mask, value in _WIDE) else 2


def _taken(word: int, second: int) -> int:
    """Bytes that one instruction takes from the stack, or may take by way of the frame pointer Y."""
    if word & 0xFE0F == 0x920F:  # PUSH
        return 1
    if word == 0xD000:  # RCALL .+0 makes room for two bytes
        return _RETURN_BYTES
    if word & 0xFF30 == 0x9720:  # SBIW Y
        return (word >> 2 & 0x30) | word & 0xF
    if word & 0xF0F0 == 0x50C0 and second == 0x09D1:  # SUBI R28; SBC R29, R1, which is 0
        return _immediate(word)
    if word & 0xF0F0 == 0x50C0 and second & 0xF0F0 == 0x40D0:  # SUBI R28; SBCI R29
        value = _immediate(second) << 8 | _immediate(word)
        return value if value < 0x8000 else 0  # else it gives back
    return 0


def _immediate(word: int) -> int:
    return (word >> 4 & 0xF0) | word & 0xF


def _target(address: int, word: int, second: int) -> tuple[int, bool] | None:
    """Return the target of a call or a jump, and whether it returns; None for any other instruction."""
    for (mask, value), returns in ((_CALL, True), (_JMP, False)):
        if word & mask == value:
            high = (word >> 3 & 0x3E) | word & 1
            return 2 * (high << 16 | second), returns
    if word & 0xF000 in (0xC000, 0xD000) and word != 0xD000:  # RJMP, RCALL
        words = word & 0xFFF
        return address + 2 + 2 * (words - 0x1000 if words & 0x800 else words), word & 0xF000 == 0xD000
    if word & 0xF800 == 0xF000:  # BRBS, BRBC
        words = word >> 3 & 0x7F
        return address + 2 + 2 * (words - 0x80 if words & 0x40 else words), False
    return None
