"""The most stack that one inference can take: frame sizes from the compiler, calls from the object code.

An assembly statement may push more than the compiler knows of: where a function's instructions take more from the
stack pointer than its frame has, that counts.

Of the compiler's own routines (a long product on a Cortex-M0) no frame sizes are told. They are read from the linked
file: what a function's instructions take from the stack pointer, all added up, is never less than its frame.

Calls are read from the Arm object files themselves, so that what the optimiser made is what is counted:
relocations name the callee, and where the assembler has already resolved a call within a section, its Thumb
encoding does (Arm v7-M Architecture Reference Manual, A5.3 and A7.7: BL, B.W, BLX, BX).
"""

from __future__ import annotations

import bisect
import itertools
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinysine.elf_file import FUNCTION, SECTION, Symbol, opened_elf, read_symbols
from tinysine.errors import BuildError
from tinysine.firmware_facts import ENGINE_INVOKE
from tinysine.thumb import branch_offset, goes_on, is_wide, narrow_branch_offset, stack_taken

# ELF for the Arm architecture, relocation codes: those that branch, and those among them that come back.
_BRANCHES = {10, 27, 28, 29, 30, 51, 102, 103}
_CALLS = {10, 27, 28}
_EXECUTE = 4
# The most that the firmware itself takes, from its start to a request at its deepest, and a fault's frame on top:
# unit_tests/image/test_stack_reserve.py holds it against every Cortex-M board.
FIRMWARE_STACK_BYTES = 384
_FILLERS = (0xBF00, 0x46C0)  # NOP; MOV R8, R8


@dataclass
class Function:
    """One compiled function. `calls` holds (callee, whether it returns here); `end` is an offset in the section."""

    name: str
    frame_bytes: int | None
    end: int
    bounded: bool = True
    calls: set[tuple[str, bool]] = field(default_factory=set)
    indirect: bool = False


def stack_bound(
    objects: Sequence[Path], *, entry: str = ENGINE_INVOKE, linked: Path | None = None
) -> int | None:
    """The deepest chain of frames from `entry`, in bytes.

    Args:
        objects: Arm object files, each with its stack usage file (.su) beside it. Where two have a function
            of the same name, the first wins: put the entry's own object first.
        linked: what they were linked to; it has the functions that are in none of them.
    Returns:
        bytes, the entry's own frame included; None when a function is called whose frame is unknown.
    Raises:
        BuildError: no bound exists: recursion, a call through a pointer, a frame of varying size, no entry. Or a
            file is no object file.
    """
    functions: dict[str, Function] = {}
    for path in objects:
        for function in read_functions(path):
            functions.setdefault(function.name, function)
        # Most of what is linked has no part in an inference, and takes long to read.
        if not _unknown(entry, functions):
            break
    if entry not in functions:
        raise no_bound(f"no object defines {entry}")
    if linked is not None and _unknown(entry, functions):
        for name, function in _linked_functions(linked).items():
            functions.setdefault(name, function)
    return deepest(entry, functions)


def _unknown(entry: str, functions: Mapping[str, Function]) -> set[str]:
    """Name what is reached from `entry` and not among the functions."""
    reached, left = {entry}, [entry]
    while left:
        function = functions.get(left.pop())
        new = {name for name, _ in function.calls} - reached if function is not None else set()
        reached |= new
        left += new
    return reached - functions.keys()


def stack_needed(bound: int) -> int:
    """The stack to reserve where one inference takes `bound` bytes at most, in bytes; a multiple of 8."""
    return (bound + FIRMWARE_STACK_BYTES + 7) & ~7


def read_functions(path: Path) -> tuple[Function, ...]:
    """The functions of one Arm object file, with their frames and calls.

    Raises:
        BuildError: not an ELF file.
    """
    frames = parse_stack_usage(path.with_suffix(".su"))
    with opened_elf(path) as elf:
        symbols, found = read_symbols(elf), list[Function]()
        inside, relocating = _by_section(symbols), _relocations(elf)
        for index, section in _code_sections(elf):
            code = _Code(_starts(inside[index]), _modes(inside[index]), section.data())
            taken = code.stack_taken()
            for at, function in code.functions.items():
                size, bounded = (
                    frames.get(function.name) or frames.get(_uncloned(function.name)) or (None, True)
                )
                function.frame_bytes = None if size is None else max(size, taken[at] or 0)
                function.bounded = bounded
            resolved = set()
            for relocation in relocating[index].iter_relocations() if index in relocating else ():
                if relocation["r_info_type"] in _BRANCHES:
                    target = symbols[relocation["r_info_sym"]]
                    code.add_branch(relocation, _target_name(target, inside[target.section]))
                    resolved.add(int(relocation["r_offset"]))
            code.scan(resolved)
            found += code.functions.values()
    return tuple(found)


def _linked_functions(path: Path) -> dict[str, Function]:
    """The functions of a linked file by name, with the most that their own instructions can take.

    Local functions may share a name, so a call names its callee with the address, too.
    """
    found: dict[str, Function] = {}
    with opened_elf(path) as elf:
        inside = _by_section(read_symbols(elf))
        for index, section in _code_sections(elf):
            base = int(section["sh_addr"])
            starts = {at: (f"{name}@{at:x}", end) for at, (name, end) in _starts(inside[index], base).items()}
            code = _Code(starts, _modes(inside[index], base), section.data())
            code.measure()
            code.scan(set())
            found |= {function.name: function for function in code.functions.values()}
            for symbol in inside[index]:
                if symbol.kind == FUNCTION:
                    found.setdefault(symbol.name, code.functions[(symbol.value & ~1) - base])
    return found


def _by_section(symbols: Sequence[Symbol]) -> Mapping[int, list[Symbol]]:
    inside: defaultdict[int, list[Symbol]] = defaultdict(list)
    for symbol in symbols:
        inside[symbol.section].append(symbol)
    return inside


def _relocations(elf: Any) -> dict[int, Any]:
    """The relocations of each section, by its index."""
    return {int(table["sh_info"]): table for table in elf.iter_sections("SHT_REL")}


def _code_sections(elf: Any) -> Iterator[tuple[int, Any]]:
    for index, section in enumerate(elf.iter_sections()):
        if section["sh_flags"] & _EXECUTE:
            yield index, section


def _starts(inside: Sequence[Symbol], base: int = 0) -> dict[int, tuple[str, int]]:
    """Name and end of a section's functions by offset."""
    starts = {(symbol.value & ~1) - base: symbol for symbol in inside if symbol.kind == FUNCTION}
    # A routine in assembly may have no size: it reaches to the next one.
    following = dict(itertools.pairwise([*sorted(starts), sys.maxsize]))
    return {at: (s.name, at + s.size if s.size else following[at]) for at, s in starts.items()}


def _modes(inside: Sequence[Symbol], base: int = 0) -> list[tuple[int, str]]:
    """Return the starts of Thumb code (t), data (d) and Arm code (a) in a section."""
    return sorted((s.value - base, s.name[1]) for s in inside if s.name[:2] in ("$t", "$d", "$a"))


def parse_stack_usage(path: Path) -> dict[str, tuple[int, bool]]:
    """Frame size and whether it is bounded, by function, from a .su file; empty where there is none.

    Lines are `file:line:[column:]function<TAB>bytes<TAB>static|dynamic|dynamic,bounded`.
    """
    frames: dict[str, tuple[int, bool]] = {}
    if not path.is_file():
        return frames
    for line in path.read_text(encoding="utf-8").splitlines():
        where, size, kind = line.split("\t")
        name = where.rsplit(":", 1)[-1]
        # A function cloned by the optimiser has one line each under one name: the largest bounds them all.
        before, bounded = frames.get(name, (0, True))
        frames[name] = (max(before, int(size)), bounded and kind != "dynamic")
    return frames


class _Code:
    """The functions of one section while their calls are being collected."""

    def __init__(self, starts: dict[int, tuple[str, int]], modes: list[tuple[int, str]], data: bytes) -> None:
        self.data = data
        self.functions = {at: Function(name, None, end) for at, (name, end) in starts.items()}
        self._modes = modes
        self._starts = sorted(self.functions)

    def measure(self) -> None:
        """Set each frame to all that the function's own instructions take, and note where one runs into the next."""
        for at, taken in self.stack_taken().items():
            self.functions[at].frame_bytes = taken
        above: Function | None = None  # that runs on into what follows
        for at, first, second in self._instructions():
            if above is not None and at in self.functions:
                above.calls.add((self.functions[at].name, False))
            here = self._function_at(at)
            if here is None:
                continue
            # A filler behind a jump is never reached.
            reached = above is not None or at in self.functions or first not in _FILLERS
            above = here if reached and goes_on(first, second) else None

    def stack_taken(self) -> dict[int, int | None]:
        """Return, for each function, the sum of what its instructions take; None where one cannot be read."""
        sums: dict[int, int | None] = dict.fromkeys(self.functions, 0)
        for at, first, second in self._instructions():
            start = self._start_at(at)
            if start is not None:
                before, taken = sums[start], stack_taken(first, second)
                sums[start] = None if before is None or taken is None else before + taken
        return sums

    def add_branch(self, relocation: Any, target: str) -> None:
        caller = self._function_at(int(relocation["r_offset"]))
        if caller is not None:
            caller.calls.add((target, relocation["r_info_type"] in _CALLS))

    def scan(self, resolved: set[int]) -> None:
        """Add calls that need no relocation, and note those through a register."""
        for at, first, second in self._instructions():
            caller = self._function_at(at)
            if caller is None:
                continue
            if second is None:
                through_register = first & 0xFF87 in (0x4780, 0x4700)
                if through_register and first & 0x78 != 0x70:  # BX LR is a return
                    caller.indirect = True
                offset = narrow_branch_offset(first)
                target = None if offset is None else self._function_at(at + 4 + offset)
                if target is not None and target is not caller:
                    caller.calls.add((target.name, False))
            elif first & 0xF800 == 0xF000 and at not in resolved and second & 0xD000 in (0xD000, 0x9000):
                target = self._function_at(at + 4 + branch_offset(first, second))
                returns = second & 0xD000 == 0xD000
                if target is not None and (returns or target is not caller):
                    caller.calls.add((target.name, returns))

    def _function_at(self, offset: int) -> Function | None:
        start = self._start_at(offset)
        return None if start is None else self.functions[start]

    def _start_at(self, offset: int) -> int | None:
        """Return where the function of an instruction starts."""
        before = bisect.bisect_right(self._starts, offset) - 1
        start = self._starts[before] if before >= 0 else None
        return start if start is not None and offset < self.functions[start].end else None

    def _instructions(self) -> Iterator[tuple[int, int, int | None]]:
        """Offset and halfwords of each Thumb instruction; data between them is skipped."""
        borders = [*self._modes, (len(self.data), "d")]
        for (start, mode), (end, _) in itertools.pairwise(borders):
            at = start
            while mode == "t" and at + 2 <= end:
                (first,) = struct.unpack_from("<H", self.data, at)
                wide = is_wide(first) and at + 4 <= end
                yield at, first, struct.unpack_from("<H", self.data, at + 2)[0] if wide else None
                at += 4 if wide else 2


def _target_name(target: Symbol, inside: Sequence[Symbol]) -> str:
    """The callee's name; a section stands for the function at its start."""
    if target.kind != SECTION:
        return target.name
    at_start = (symbol.name for symbol in inside if symbol.kind == FUNCTION and symbol.value & ~1 == 0)
    return next(at_start, target.name)


def _uncloned(name: str) -> str:
    """GCC numbers its clones (f.constprop.0.isra.0) in the symbol but not in the .su file (f.constprop.isra)."""
    return ".".join(part for part in name.split(".") if not part.isdigit())


def deepest(name: str, functions: dict[str, Function], above: tuple[str, ...] = ()) -> int | None:
    """The deepest chain of frames from one function, in bytes, its own included; None where a frame is unknown.

    Args:
        functions: by the names that calls have.
        above: who called it.
    Raises:
        BuildError: no bound exists.
    """
    if name in above:
        raise no_bound(f"recursion: {' -> '.join((*above[above.index(name) :], name))}")
    function = functions.get(name)
    if function is None:
        return None
    if function.indirect:
        raise no_bound(f"{name} calls through a pointer")
    if not function.bounded:
        raise no_bound(f"{name} has a frame of varying size")
    if function.frame_bytes is None:
        return None
    most = function.frame_bytes
    for callee, returns in sorted(function.calls):
        below = deepest(callee, functions, (*above, name))
        if below is None:
            return None
        # A tail call leaves its frame first.
        most = max(most, below + (function.frame_bytes if returns else 0))
    return most


def no_bound(reason: str) -> BuildError:
    """Return the error for an inference whose stack nobody can tell."""
    return BuildError(
        f"the stack of an inference has no bound: {reason}",
        hint="the engine may not recurse or call through pointers",
        tool="stack",
        command="",
        output="",
        reason=reason,
    )
