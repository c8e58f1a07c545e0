"""ELF files, opened with errors of ours, and their symbols."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tinysine.errors import BuildError
from tinysine.regular_files import open_regular

# From the ELF specification (System V ABI, chapter 4): what a symbol is (the low half of its st_info), how it is bound
# (the high half), and the indices of sections that are none.
NO_TYPE, OBJECT, FUNCTION, SECTION, FILE = range(5)
LOCAL, GLOBAL = range(2)
UNDEFINED, _FIRST_RESERVED = 0, 0xFF00


class Symbol(NamedTuple):
    """One symbol of an ELF file.

    Attributes:
        name: "" for one without.
        value: an address; in an object file the offset in its section.
        size: in bytes; 0 where none is told.
        kind: such as FUNCTION.
        bind: such as LOCAL.
        section: its index; UNDEFINED, or a number that is no section's.
    """

    name: str
    value: int
    size: int
    kind: int
    bind: int
    section: int

    @property
    def is_in_a_section(self) -> bool:
        """True unless it is undefined, absolute or common."""
        return UNDEFINED < self.section < _FIRST_RESERVED


@contextmanager
def opened_elf(path: Path) -> Iterator[Any]:
    """Open a file as elftools reads it.

    Raises:
        BuildError: it cannot be read, or what is read from it shows that it is no ELF file.
    """
    from elftools.common.exceptions import ELFError  # noqa: PLC0415  # heavy
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        stream = open_regular(path)
    except OSError as error:
        raise elf_error(
            f"{path} cannot be read: {error.strerror or error}", path, hint="build it first"
        ) from error
    try:
        with stream:
            yield ELFFile(stream)
    except (ELFError, ValueError, KeyError) as error:
        message = f"{path} is not an ELF file that can be read: {error}"
        raise elf_error(message, path, hint="build it again") from error


def read_symbols(elf: Any) -> list[Symbol]:
    """Return every symbol of an ELF file in its order; none where it has no table of them.

    elftools makes an object of each field, which takes ten times as long.

    Args:
        elf: from `opened_elf`.
    Raises:
        ValueError: the table is damaged; `opened_elf` makes an error of ours of it.
    """
    table = next((section for section in elf.iter_sections() if section["sh_type"] == "SHT_SYMTAB"), None)
    if table is None:
        return []
    content, names = table.data(), elf.get_section(table["sh_link"]).data()
    order = "<" if elf.little_endian else ">"
    row = struct.Struct(order + ("IIIBxH" if elf.elfclass == 32 else "IBxHQQ"))
    if len(content) % row.size:
        raise ValueError("its table of symbols is cut off")
    symbols = []
    for fields in row.iter_unpack(content):
        if elf.elfclass == 32:
            start, value, size, info, section = fields
        else:
            start, info, section, value, size = fields
        name = names[start : names.index(0, start)].decode("utf-8", "replace") if start else ""
        symbols.append(Symbol(name, value, size, info & 0xF, info >> 4, section))
    return symbols


def elf_error(message: str, path: Path, *, hint: str = "") -> BuildError:
    """Make the error for an ELF file that does not do."""
    return BuildError(message, hint=hint, tool="elf", command="", output="", file=str(path))
