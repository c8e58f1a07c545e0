"""Reader of an ELF file's memory: the bytes for flash, and the sizes of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tinysine import elf_file
from tinysine.boards import Board
from tinysine.elf_file import Symbol, elf_error, opened_elf
from tinysine.firmware_facts import ENGINE, INPUT_COUNT_AT
from tinysine.image.values import ImageSizes

# From the ELF specification (System V ABI, chapter 4), as numbers: elftools is loaded only when needed.
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_ERASED = b"\xff"
# Tables for debuggers and exceptions that ride in allocated sections on the host; no part of the engine.
_UNWIND = (".ARM.exidx", ".ARM.extab", ".eh_frame", ".note")
# Constants with addresses in them: the host's loader writes these, and nothing is written after it.
_RELOCATED = ".data.rel.ro"

_VARIABLES = ("__ts_data", "__ts_bss")  # what the device, too, calls its static RAM: docs/protocol.md


def flash_binary(elf: Path, board: Board) -> bytes:
    """The raw bytes of flash from the start of the board's flash region; gaps read as erased.

    Raises:
        BuildError: no ELF file, nothing to load, or something that would load outside the region.
    """
    assert board.flash is not None
    start, end = board.flash.origin, board.flash.origin + board.flash.length
    with opened_elf(elf) as file:
        loads = [
            (int(segment["p_paddr"]), bytes(segment.data()))
            for segment in file.iter_segments("PT_LOAD")
            if segment["p_filesz"]
        ]
    content = b""
    for address, data in sorted(loads):
        if not start <= address <= address + len(data) <= end:
            raise elf_error(
                f"{elf.name} loads {len(data)} bytes at {address:#x}, outside the flash of {board.name}", elf
            )
        content = content.ljust(address - start, _ERASED) + data
    if not content:
        raise elf_error(f"{elf.name} has nothing to load into flash", elf)
    return content


def read_sizes(
    elf: Path, board: Board, *, engine_objects: Sequence[Path], own_script: bool = True
) -> ImageSizes:
    """Sizes of an image and, in it, of what came from the engine's objects.

    Args:
        elf: the linked file, with its symbol table.
        engine_objects: object files, compiled with a section for every function and constant. Of each of
            their sections that the linker kept, the whole size counts.
        own_script: whether our linker script's symbols tell the variables; else the names of sections do.
    Raises:
        BuildError: not an ELF file, or one without the symbols that the linker script promises.
    """
    with opened_elf(elf) as file:
        symbols = elf_file.read_symbols(file)
        kept = _symbols_by_file(symbols)
        everything = frozenset(name for names in kept.values() for name in names)
        if not everything:
            raise elf_error(f"{elf.name} has no symbols to tell its parts by", elf)
        ram = _static_ram(symbols, elf) if own_script and board.core != "host" else _variable_sections(file)
        flash = _loaded_sections(file) if board.core == "host" else len(flash_binary(elf, board))
    code = constants = 0
    for path in engine_objects:
        with opened_elf(path) as file:
            for flags, size in _surviving_sections(file, kept, everything):
                if flags & _EXECUTE:
                    code += size
                else:
                    constants += size
    return ImageSizes(
        flash_bytes=flash, static_ram_bytes=ram, model_bytes=constants, engine_bytes=code + constants
    )


def flash_end(elf: Path) -> int:
    """The address behind the last byte that is loaded."""
    with opened_elf(elf) as file:
        return max(
            int(s["p_paddr"]) + int(s["p_filesz"]) for s in file.iter_segments("PT_LOAD") if s["p_filesz"]
        )


def ram_needed(elf: Path, start: int, end: int) -> int:
    """The RAM that the linker script gave out from the start up (stack, data, bss) and from the end down."""
    at = read_symbols(elf)
    behind = end - at["__ts_noinit_start"] if at["__ts_noinit_start"] >= at["__ts_bss_end"] else 0
    return at["__ts_bss_end"] - start + behind


def read_symbols(elf: Path) -> dict[str, int]:
    """Address of every named global symbol of a linked file."""
    with opened_elf(elf) as file:
        return {
            symbol.name: symbol.value
            for symbol in elf_file.read_symbols(file)
            if symbol.name and symbol.bind != elf_file.LOCAL and symbol.section != elf_file.UNDEFINED
        }


def read_engine_counts(elf: Path) -> tuple[int, int] | None:
    """Return how many inputs and outputs the engine of a linked file has; None where it sets them up when it starts.

    Not of an AVR, whose pointers are shorter.
    """
    with opened_elf(elf) as file:
        engine = next((each for each in elf_file.read_symbols(file) if each.name == ENGINE), None)
        at = INPUT_COUNT_AT[file.elfclass]
        if engine is None or not engine.is_in_a_section or engine.size < at + 2:
            return None
        section = file.get_section(engine.section)
        if section["sh_type"] == "SHT_NOBITS" or _changes(section):
            return None
        start = engine.value - int(section["sh_addr"]) + at
        counts = bytes(section.data())[start : start + 2]
    return (counts[0], counts[1]) if len(counts) == 2 else None


def _changes(section: Any) -> bool:
    """Tell whether the firmware may write to a section as it runs: a constructor of C++ does before all else."""
    return bool(int(section["sh_flags"]) & _WRITE) and not section.name.startswith(_RELOCATED)


def symbol_at(elf: Path, address: int) -> str:
    """Name the variable or function of a linked file that lies at an address, as "name+3"; "" where there is none."""
    with opened_elf(elf) as file:
        for symbol in elf_file.read_symbols(file):
            is_function = symbol.kind == elf_file.FUNCTION
            if not is_function and symbol.kind != elf_file.OBJECT:
                continue
            offset = address - (symbol.value & ~1 if is_function else symbol.value)
            if 0 <= offset < symbol.size:
                return symbol.name if offset == 0 else f"{symbol.name}+{offset}"
    return ""


def _symbols_by_file(symbols: Sequence[Symbol]) -> dict[str, set[str]]:
    """Names of the symbols in a linked file: local ones by their source file, global ones under ""."""
    names: dict[str, set[str]] = {"": set()}
    source = ""
    for symbol in symbols:
        if symbol.kind == elf_file.FILE:
            source = symbol.name
        elif symbol.section != elf_file.UNDEFINED and symbol.name:
            local = symbol.bind == elf_file.LOCAL
            names.setdefault(source if local else "", set()).add(symbol.name)
    return names


def _surviving_sections(
    file: Any, kept: dict[str, set[str]], everything: frozenset[str]
) -> Iterator[tuple[int, int]]:
    """Flags and size of each section of an object that takes flash and is in the linked file.

    A section is known by the symbols in it. One without any (string literals, constant pools) counts as kept.
    """
    source = ""
    owners: dict[int, list[bool]] = {}
    for symbol in elf_file.read_symbols(file):
        if symbol.kind == elf_file.FILE:
            source = symbol.name
        elif symbol.kind in (elf_file.FUNCTION, elf_file.OBJECT) and symbol.is_in_a_section:
            local = symbol.bind == elf_file.LOCAL
            among = kept.get(source, everything) if local else kept[""]
            owners.setdefault(symbol.section, []).append(symbol.name in among)
    for index, section in enumerate(file.iter_sections()):
        flags = int(section["sh_flags"])
        if not flags & _ALLOC or section["sh_type"] == "SHT_NOBITS" or section.name.startswith(_UNWIND):
            continue
        if any(owners.get(index, [True])):
            yield flags, int(section["sh_size"])


def _static_ram(symbols: Sequence[Symbol], elf: Path) -> int:
    at = {symbol.name: symbol.value for symbol in symbols}
    total = 0
    for part in _VARIABLES:
        missing = [name for name in (f"{part}_start", f"{part}_end") if name not in at]
        if missing:
            raise elf_error(f"{elf.name} lacks the linker script's symbol {missing[0]}", elf)
        total += at[f"{part}_end"] - at[f"{part}_start"]
    return total


def _loaded_sections(file: Any) -> int:
    """On the host the system's own start-up code is among it."""
    return sum(
        int(section["sh_size"])
        for section in file.iter_sections()
        if int(section["sh_flags"]) & _ALLOC and section["sh_type"] != "SHT_NOBITS"
    )


def _variable_sections(file: Any) -> int:
    """Variables by the usual names of their sections; of an operating system's, too."""
    return sum(
        int(section["sh_size"])
        for section in file.iter_sections()
        if int(section["sh_flags"]) & _WRITE
        and section.name.split(".")[1:2] in (["data"], ["bss"], ["noinit"])
    )
