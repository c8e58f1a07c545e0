"""Reader of the parts of an ELF file that the emulated board needs: bytes with their addresses, and symbols."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinysine.elf_file import FUNCTION, GLOBAL, opened_elf, read_symbols
from tinysine.errors import BuildError, FlashError


@dataclass(frozen=True)
class Segment:
    """Bytes for the flash, at their physical address."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Program:
    """A linked image.

    Attributes:
        segments: what goes into the flash.
        symbols: (address, name) of functions, ascending.
        places: address of every global symbol, a function's without its Thumb bit.
        sha256: of the file, hexadecimal.
    """

    segments: tuple[Segment, ...] = ()
    symbols: tuple[tuple[int, str], ...] = ()
    places: Mapping[str, int] = field(default_factory=dict, repr=False)
    sha256: str | None = None
    _addresses: tuple[int, ...] = field(default=(), repr=False)

    def name_of(self, address: int) -> str:
        """ "function+0x12", or "" where no function is known."""
        at = bisect.bisect_right(self._addresses, address) - 1
        if at < 0:
            return ""
        start, name = self.symbols[at]
        offset = address - start
        if offset > 0x10000:
            return ""
        return f"{name}+0x{offset:X}" if offset else name


def read_program(path: Path) -> Program:
    """The loadable segments and function names of an ARM ELF file.

    Raises:
        FlashError: missing, not an ELF file, not for a 32-bit little-endian Arm core, or nothing in it to load.
    """
    try:
        with opened_elf(path) as elf:
            if elf.get_machine_arch() != "ARM" or elf.elfclass != 32 or not elf.little_endian:
                raise FlashError(
                    f"{path} is an image for {elf.get_machine_arch()}, this board's core is an Arm Cortex-M",
                    hint="build the image for this board",
                    file=str(path),
                )
            segments = tuple(
                Segment(address=int(segment["p_paddr"]), data=bytes(segment.data()))
                for segment in elf.iter_segments(type="PT_LOAD")
                if segment["p_filesz"] > 0
            )
            named = read_symbols(elf)
    except BuildError as error:
        raise FlashError(error.message, hint=error.hint, file=str(path)) from error
    if not segments:
        raise FlashError(f"{path} holds nothing to load", hint="build it again", file=str(path))
    functions = {symbol.name: symbol.value & ~1 for symbol in named if symbol.kind == FUNCTION}
    symbols = sorted((symbol.value & ~1, symbol.name) for symbol in named if symbol.kind == FUNCTION)
    everywhere = {symbol.name: symbol.value for symbol in named if symbol.bind == GLOBAL}
    return Program(
        segments=segments,
        symbols=tuple(symbols),
        places={name: functions.get(name, value) for name, value in everywhere.items()},
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        _addresses=tuple(address for address, _ in symbols),
    )
