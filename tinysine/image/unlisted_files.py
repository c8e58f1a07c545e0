"""Doors through which a build may read files that no list of the compiler names.

An image is taken from the cache where all that decides it is known. Where one of these doors may be open, it is built
each time instead. So each function here knows what is harmless, and takes everything else for a door.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

# The files behind these the compiler lists itself; the value may be a word of its own.
_TAKES_A_VALUE = ("-D", "-U", "-I", "-isystem", "-iquote", "-idirafter", "-include", "-imacros")
_VALUES = (
    "align-[a-z]+|excess-precision|fp-contract|fp-model|max-errors|message-length|sanitize|tls-model|"
    "vect-cost-model|visibility"
)
_HARMLESS = re.compile(
    r"-(?:O\w*|g[\w-]*|w|ansi|pedantic(?:-errors)?|pipe|pthread|std=[\w+:]+"
    r"|W(?![lap],)[\w+-]+(?:=\w+)?"
    r"|m(?!llvm)[\w-]+(?:=[\w.,+-]+)?"
    # Profiles, plugins and modules are files.
    r"|f(?!profile|auto-profile|branch-prob|vpt|[\w-]*plugin|[\w-]*module)"
    rf"(?:(?:{_VALUES})=[\w,:.-]+|[\w-]+(?:=\d+)?))\Z"
)
# What the assembler reads, in any case of the letters; it knows no other directives that read. Macros are expanded in
# this text, and it has no comments, and no #include.
_ASSEMBLER_READS = re.compile(rb"(?<![\w/])(?:incbin|include)\b", re.I)
_EMBEDS = re.compile(rb"#\s*embed")
_OF_THE_SYSTEM = frozenset({"c", "gcc", "m", "nosys", "pthread", "stdc++", "supc++"})
_ARCHIVE = b"!<arch>\n"  # a thin one, "!<thin>\n", has the names of its objects only
_ELF, _ELF_TYPE, _ELF_RELOCATABLE = b"\x7fELF", 16, (b"\x01\0", b"\0\x01")
_MACH_O, _MACH_O_TYPE, _MACH_O_OBJECT = b"\xcf\xfa\xed\xfe", 12, b"\x01\0\0\0"


def flags_may_name_files(flags: Iterable[str]) -> bool:
    """Tell whether a compiler's options may make it read a file that it does not list, such as @FILE, -specs or -B."""
    words = iter(flags)
    for word in words:
        if word in _TAKES_A_VALUE:
            next(words, "")
        elif not word.startswith(_TAKES_A_VALUE[:3]) and not _HARMLESS.match(word):
            return True
    return False


def text_may_name_files(preprocessed: bytes) -> bool:
    """Tell whether an assembler that is given a preprocessed file's text may read further files."""
    return _ASSEMBLER_READS.search(preprocessed) is not None


def source_may_name_files(source: bytes) -> bool:
    """Tell whether a file, as it is written, may embed others, which only the newest compilers list."""
    return _EMBEDS.search(source) is not None


def library_may_name_files(path: Path) -> bool:
    """Tell whether a library may have the linker read others: a thin archive, a shared library, a linker's script."""
    with path.open("rb") as file:
        head = file.read(32)
    if head.startswith(_ELF):
        return head[_ELF_TYPE : _ELF_TYPE + 2] not in _ELF_RELOCATABLE
    if head.startswith(_MACH_O):
        return head[_MACH_O_TYPE : _MACH_O_TYPE + 4] != _MACH_O_OBJECT
    return not head.startswith(_ARCHIVE)


def names_may_mean_files(link: Iterable[str]) -> bool:
    """Tell whether names of libraries, as for `-l`, may mean others than the compiler's own."""
    names = tuple(link)
    return bool(names) and ("LIBRARY_PATH" in os.environ or not _OF_THE_SYSTEM.issuperset(names))
