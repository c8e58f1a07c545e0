"""The C array, held against xxd and a compiler."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tinysine.errors import ModelError
from tinysine.tflite import c_array


def _xxd(data: bytes, name: str, folder: Path) -> list[str]:
    (folder / name).write_bytes(data)
    command = ["xxd", "-i", name]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def _same_as_xxd(data: bytes, name: str, folder: Path) -> None:
    first, *body, last = _xxd(data, name, folder)
    ours = c_array(data, name=name).source.splitlines()
    assert ours[2] == "alignas(16) const " + first
    assert ours[3:-1] == body
    assert ours[-1] == "const " + last


@pytest.mark.needs("xxd")
@pytest.mark.parametrize("name", ["sine_int8.tflite", "a-b.c d.tflite", "7up.tflite", "x"])
def test_array_is_what_xxd_prints(name: str, good: bytes, tmp_path: Path) -> None:
    """Byte for byte the body and the length of `xxd -i`, whatever the file is called."""
    _same_as_xxd(good, name, tmp_path)


@pytest.mark.needs("xxd")
@settings(max_examples=25)
@given(data=st.binary(min_size=1, max_size=100))
def test_array_of_any_bytes_is_what_xxd_prints(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also for lengths that do not fill the last line."""
    _same_as_xxd(data, "model.tflite", tmp_path_factory.mktemp("xxd"))


@pytest.mark.needs("xxd")
@pytest.mark.parametrize("data", [b"\0", b"\0" * 12, b"\xff" * 13])
def test_array_at_the_line_border(data: bytes, tmp_path: Path) -> None:
    """One byte, a full line, one more."""
    _same_as_xxd(data, "edge", tmp_path)


_USER = """
#include "{name}.h"
#include <cstdint>
#include <cstdio>
int main() {{
    if (reinterpret_cast<std::uintptr_t>({name}) % 16 != 0) return 1;
    return std::fwrite({name}, 1, {name}_len, stdout) == {name}_len ? 0 : 2;
}}
"""


def _write(good: bytes, folder: Path) -> str:
    array = c_array(good, name="sine.tflite")
    (folder / f"{array.name}.cc").write_text(array.source)
    (folder / f"{array.name}.h").write_text(array.header)
    return array.name


@pytest.mark.needs("g++")
def test_array_in_a_program_has_the_bytes_aligned(good: bytes, tmp_path: Path) -> None:
    """A C++ program that includes the header finds the file's bytes at a multiple of 16."""
    name = _write(good, tmp_path)
    (tmp_path / "user.cc").write_text(_USER.format(name=name))
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-o", "user", "user.cc", f"{name}.cc"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert subprocess.run([tmp_path / "user"], check=True, capture_output=True).stdout == good


def test_array_in_an_object_for_the_board_is_aligned_and_read_only(good: bytes, tmp_path: Path) -> None:
    """Compiled for a Cortex-M4 by zig, the array lies in read-only data at a multiple of 16."""
    name = _write(good, tmp_path)
    target = ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-nostdinc++"]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++",
        "-std=c++11",
        *target,
        "-c",
        f"{name}.cc",
        "-o",
        "array.o",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    with (tmp_path / "array.o").open("rb") as stream:
        elf = ELFFile(stream)
        (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name(name)
        section = elf.get_section(symbol["st_shndx"])
        start = symbol["st_value"]
        assert start % 16 == 0
        assert section["sh_addralign"] % 16 == 0
        assert not section["sh_flags"] & SH_FLAGS.SHF_WRITE
        assert section.data()[start : start + symbol["st_size"]] == good


def test_header_is_c_too(good: bytes, tmp_path: Path, host_cc: Callable[..., None]) -> None:
    """A C program may include the header."""
    array = c_array(good, name="sine")
    (tmp_path / "sine.h").write_text(array.header)
    (tmp_path / "user.c").write_text(
        '#include "sine.h"\nunsigned n(void);\nunsigned n(void) { return sine_len; }\n'
    )
    host_cc("-std=c11", "-Wall", "-Werror", "-c", "user.c", cwd=tmp_path)


def test_empty_file_has_no_array() -> None:
    """C has no arrays without elements."""
    with pytest.raises(ModelError, match="empty"):
        c_array(b"", name="nothing")


def test_array_needs_a_name() -> None:
    """An empty name is refused."""
    with pytest.raises(ModelError, match="name"):
        c_array(b"x", name="")
