"""The most stack that one inference can take: frame sizes from the compiler, calls from the object code.

Calls are read from the Arm object files themselves, so that what the optimiser made is what is counted:
relocations name the callee, and where the assembler has already resolved a call within a section, its Thumb
encoding does (Arm v7-M Architecture Reference Manual, A5.3 and A7.7: BL, B.W, BLX, BX).
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinysine.elf_file import opened_elf
from tinysine.errors import BuildError
from tinysine.thumb import branch_offset, is_wide

# ELF for the Arm architecture, relocation codes: those that branch, and those among them that come back.
_BRANCHES = {10, 27, 28, 29, 30, 51, 102, 103}
_CALLS = {10, 27, 28}
_EXECUTE = 4


@dataclass
class Function:
    """One compiled function. `calls` holds (callee, whether it returns here)."""

    name: str
    frame_bytes: int | None
    bounded: bool = True
    calls: set[tuple[str, bool]] = field(default_factory=set)
    indirect: bool = False


def stack_bound(objects: Sequence[Path], *, entry: str = "ts_engine_invoke") -> int | None:
    """The deepest chain of frames from `entry`, in bytes.

    Args:
        objects: Arm object files, each with its stack usage file (.su) beside it. Where two have a function
            of the same name, the first wins: put the entry's own object first.
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
    if entry not in functions:
        raise _no_bound(f"no object defines {entry}")
    return _deepest(entry, functions, ())


def read_functions(path: Path) -> tuple[Function, ...]:
    """The functions of one Arm object file, with their frames and calls.

    Raises:
        BuildError: not an ELF file.
    """
    frames = parse_stack_usage(path.with_suffix(".su"))
    with opened_elf(path) as elf:
        table = elf.get_section_by_name(".symtab")
        symbols = list(table.iter_symbols()) if table is not None else []
        found: list[Function] = []
        for index, section in enumerate(elf.iter_sections()):
            if not section["sh_flags"] & _EXECUTE:
                continue
            inside = [s for s in symbols if s["st_shndx"] == index]
            code = _Code(inside, section.data(), frames)
            relocations = elf.get_section_by_name(f".rel{section.name}")
            resolved = set()
            for relocation in relocations.iter_relocations() if relocations else ():
                if relocation["r_info_type"] in _BRANCHES:
                    target = symbols[relocation["r_info_sym"]]
                    code.add_branch(relocation, _target_name(target, symbols))
                    resolved.add(int(relocation["r_offset"]))
            code.scan(resolved)
            found += code.functions.values()
    return tuple(found)


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

    def __init__(self, symbols: list[Any], data: bytes, frames: dict[str, tuple[int, bool]]) -> None:
        self.data = data
        self.functions: dict[int, Function] = {}
        self._modes = sorted(
            (int(s["st_value"]), s.name[1]) for s in symbols if s.name[:2] in ("$t", "$d", "$a")
        )
        for symbol in symbols:
            if symbol["st_info"]["type"] == "STT_FUNC":
                frame = frames.get(symbol.name) or frames.get(_uncloned(symbol.name))
                size, bounded = frame or (None, True)
                self.functions[int(symbol["st_value"]) & ~1] = Function(symbol.name, size, bounded)
        self._starts = sorted(self.functions)

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
            elif first & 0xF800 == 0xF000 and at not in resolved and second & 0xD000 in (0xD000, 0x9000):
                target = self._function_at(at + 4 + branch_offset(first, second))
                returns = second & 0xD000 == 0xD000
                if target is not None and (returns or target is not caller):
                    caller.calls.add((target.name, returns))

    def _function_at(self, offset: int) -> Function | None:
        before = [start for start in self._starts if start <= offset]
        return self.functions[before[-1]] if before else None

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


def _target_name(target: Any, symbols: list[Any]) -> str:
    """The callee's name; a section stands for the function at its start."""
    if target["st_info"]["type"] != "STT_SECTION":
        return str(target.name)
    for symbol in symbols:
        same = symbol["st_shndx"] == target["st_shndx"] and symbol["st_info"]["type"] == "STT_FUNC"
        if same and int(symbol["st_value"]) & ~1 == 0:
            return str(symbol.name)
    return str(target.name)


def _uncloned(name: str) -> str:
    """GCC numbers its clones (f.constprop.0) in the symbol but not in the .su file (f.constprop)."""
    stem, _, number = name.rpartition(".")
    return stem if number.isdigit() else name


def _deepest(name: str, functions: dict[str, Function], above: tuple[str, ...]) -> int | None:
    if name in above:
        raise _no_bound(f"recursion: {' -> '.join((*above[above.index(name) :], name))}")
    function = functions.get(name)
    if function is None:
        return None
    if function.indirect:
        raise _no_bound(f"{name} calls through a pointer")
    if not function.bounded:
        raise _no_bound(f"{name} has a frame of varying size")
    if function.frame_bytes is None:
        return None
    deepest = function.frame_bytes
    for callee, returns in sorted(function.calls):
        below = _deepest(callee, functions, (*above, name))
        if below is None:
            return None
        # A tail call leaves its frame first.
        deepest = max(deepest, below + (function.frame_bytes if returns else 0))
    return deepest


def _no_bound(reason: str) -> BuildError:
    return BuildError(
        f"the stack of an inference has no bound: {reason}",
        hint="the engine may not recurse or call through pointers",
        tool="stack",
        command="",
        output="",
        reason=reason,
    )
