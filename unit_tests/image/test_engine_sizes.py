"""Bytes of an image that belong to the engine: exact on small programs of known content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import Memory, load_board
from tinysine.errors import BuildError
from tinysine.image.elf import flash_binary, read_sizes, read_symbols
from tinysine.image.lines import read_lines
from tinysine.image.sources import linker_symbols
from tinysine.image.stack import read_functions
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import find_toolchain, link_command

NANO = load_board("nano33ble-sense")

SCRIPT = """
ENTRY(start)
MEMORY { FLASH (rx) : ORIGIN = ts_flash_origin, LENGTH = ts_flash_length
         RAM (rwx) : ORIGIN = ts_ram_origin, LENGTH = ts_ram_length }
SECTIONS {
  .text : { *(.text .text.*) *(.rodata .rodata.*) . = ALIGN(4); } > FLASH
  .data : { __ts_data_start = .; *(.data .data.*) . = ALIGN(4); __ts_data_end = .; } > RAM AT > FLASH
  .bss (NOLOAD) : { __ts_bss_start = .; *(.bss .bss.*) . = ALIGN(4); __ts_bss_end = .; } > RAM
  /DISCARD/ : { *(.ARM.exidx*) }
}
"""

ENGINE = """
static const int table[25] = {1, 2, 3};
static const int unused_table[1000] = {1};
int used(int x); int unused(int x);
int used(int x) { return table[x]; }
int unused(int x) { return unused_table[x] * 77; }
"""

REST = """
int used(int x); int start(void);
static const int table[50] = {5};
static volatile int counter = 7;
static volatile char buffer[60];
int start(void) { buffer[3] = 1; return used(counter) + table[counter] + buffer[2]; }
"""


@pytest.fixture
def linked(compile_arm: Callable[..., Path], toolchain: str, tmp_path: Path) -> tuple[Path, Path]:
    """A program whose engine and rest both have a static constant named `table`: (ELF, engine object)."""
    engine, rest = compile_arm(ENGINE, name="engine"), compile_arm(REST, name="rest")
    script, elf = tmp_path / "link.ld", tmp_path / "program.elf"
    script.write_text(SCRIPT, encoding="utf-8")
    tools = find_toolchain(toolchain, NANO.core)
    head = link_command(tools, NANO, script=script, symbols=linker_symbols(NANO))
    run_tool(tools.name, [*head, str(engine), str(rest), "-o", str(elf)], cwd=tmp_path)
    return elf, engine


def test_what_the_linker_dropped_is_not_counted(linked: tuple[Path, Path]) -> None:
    """The engine's used table counts, its unused one does not, nor does the rest's table of the same name."""
    elf, engine = linked
    sizes = read_sizes(elf, NANO, engine_objects=[engine])
    assert sizes.model_bytes == 25 * 4
    assert 4 <= sizes.engine_bytes - sizes.model_bytes <= 32


def test_static_ram_is_data_and_bss(linked: tuple[Path, Path]) -> None:
    """An int with a value and sixty bytes without one; the value is in flash, too."""
    elf, engine = linked
    sizes = read_sizes(elf, NANO, engine_objects=[engine])
    assert sizes.static_ram_bytes == 4 + 60
    assert sizes.flash_bytes == len(flash_binary(elf, NANO)) >= (25 + 50) * 4 + 4
    assert flash_binary(elf, NANO)[-4:] == (7).to_bytes(4, "little")


def test_symbols_have_their_addresses(linked: tuple[Path, Path]) -> None:
    """Global symbols are found, static ones and undefined ones are not."""
    symbols = read_symbols(linked[0])
    assert symbols["__ts_data_start"] == 0x20000000
    assert "table" not in symbols


def test_flash_outside_the_board_is_refused(linked: tuple[Path, Path]) -> None:
    """An ELF file that loads where the board has no flash is no image for it."""
    elsewhere = structs.replace(NANO, flash=Memory(0x0800_0000, 0x1000))
    with pytest.raises(BuildError, match="outside the flash"):
        flash_binary(linked[0], elsewhere)


@pytest.mark.parametrize("content", [b"", b"no ELF file", b"\x7fELF"])
def test_what_is_no_elf_is_refused(tmp_path: Path, content: bytes) -> None:
    """Rubbish is a BuildError that names the file."""
    path = tmp_path / "image.elf"
    path.write_bytes(content)
    for read in (lambda: flash_binary(path, NANO), lambda: read_lines(path), lambda: read_functions(path)):
        with pytest.raises(BuildError, match=r"image\.elf"):
            read()


def test_a_linker_script_without_its_promised_symbols_is_refused(
    compile_arm: Callable[..., Path], toolchain: str, tmp_path: Path
) -> None:
    """Static RAM that cannot be told is an error, not a zero."""
    unit = compile_arm("int start(void); int start(void) { return 1; }")
    script, elf = tmp_path / "link.ld", tmp_path / "program.elf"
    script.write_text(SCRIPT.replace("__ts_bss_end", "__other_bss_end"), encoding="utf-8")
    tools = find_toolchain(toolchain, NANO.core)
    head = link_command(tools, NANO, script=script, symbols=linker_symbols(NANO))
    run_tool(tools.name, [*head, str(unit), "-o", str(elf)], cwd=tmp_path)
    with pytest.raises(BuildError, match="__ts_bss_end"):
        read_sizes(elf, NANO, engine_objects=[unit])


@pytest.mark.needs("arm-none-eabi-strip")
def test_a_stripped_file_is_refused(linked: tuple[Path, Path], tmp_path: Path) -> None:
    """Without symbols nothing can be told apart, and no figure is made up."""
    elf, engine = linked
    stripped = tmp_path / "stripped.elf"
    run_tool("strip", ["arm-none-eabi-strip", str(elf), "-o", str(stripped)], cwd=tmp_path)
    with pytest.raises(BuildError, match="no symbols"):
        read_sizes(stripped, NANO, engine_objects=[engine])
