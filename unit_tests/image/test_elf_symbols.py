"""Symbols of ELF files: what elftools reads, and an error of ours for a damaged table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from tinysine.elf_file import opened_elf, read_symbols
from tinysine.errors import BuildError

SOURCE = """
int shared = 3;
static int kept[2] = {1, 2};
int elsewhere(int x);
__attribute__((weak)) int twice(int x) { return 2 * x + kept[x & 1]; }
int called(int x) { kept[x & 1] = x; return elsewhere(twice(x)) + shared; }
"""
KINDS = ("STT_NOTYPE", "STT_OBJECT", "STT_FUNC", "STT_SECTION", "STT_FILE")
BINDS = ("STB_LOCAL", "STB_GLOBAL", "STB_WEAK")
PLACES = {"SHN_UNDEF": 0, "SHN_ABS": 0xFFF1}


def _fields(symbol: Any) -> tuple[object, ...]:
    """Return elftools' facts about a symbol."""
    info, place = symbol["st_info"], symbol["st_shndx"]
    return (
        symbol.name,
        symbol["st_value"],
        symbol["st_size"],
        KINDS.index(info["type"]),
        BINDS.index(info["bind"]),
        PLACES.get(place, place),
    )


def _compare(path: Path) -> None:
    """Hold our symbols of a file against those of elftools."""
    with opened_elf(path) as elf:
        ours = [tuple(symbol) for symbol in read_symbols(elf)]
    with path.open("rb") as stream:
        theirs = [_fields(symbol) for symbol in ELFFile(stream).get_section_by_name(".symtab").iter_symbols()]
    assert ours == theirs
    assert {"shared", "elsewhere", "twice", "called"} <= {symbol[0] for symbol in theirs}


def test_symbols_of_an_arm_object_are_what_elftools_reads(compile_arm: Callable[..., Path]) -> None:
    """32 bits, from either compiler."""
    _compare(compile_arm(SOURCE))


def test_symbols_of_a_host_object_are_what_elftools_reads(tmp_path: Path, host_cc: Any) -> None:
    """64 bits, whose fields have another order."""
    (tmp_path / "unit.c").write_text(SOURCE)
    host_cc("-c", tmp_path / "unit.c", "-o", tmp_path / "unit.o")
    _compare(tmp_path / "unit.o")


@pytest.mark.parametrize("damage", ["cut off", "a name behind the names"])
def test_a_damaged_table_is_refused(compile_arm: Callable[..., Path], damage: str) -> None:
    """In one line that names the file."""
    path = compile_arm(SOURCE)
    content = bytearray(path.read_bytes())
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        index = elf.get_section_index(".symtab")
        header = elf["e_shoff"] + index * elf["e_shentsize"]
        table = elf.get_section(index)["sh_offset"]
    if damage == "cut off":
        content[header + 20] ^= 1  # sh_size
    else:
        content[table + 16 : table + 20] = b"\xff\xff\xff\x7f"  # st_name of the first that has one
    path.write_bytes(content)
    with (
        pytest.raises(BuildError, match=r"unit\.o is not an ELF file that can be read"),
        opened_elf(path) as elf,
    ):
        read_symbols(elf)
