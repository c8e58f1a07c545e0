"""Text from outside, made harmless for the place where it goes: one function for each kind of place.

A device, a model's names, the name of a file, a board file, a tool's output and an environment variable may hold
anything. Such text reaches a path, a program, a terminal or a page only through these functions. None of them
fails, and none changes harmless text.
"""

from __future__ import annotations

import hashlib
import re

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LONGEST_FILE_NAME = 100  # characters; a file system allows 255 bytes, and suffixes are added
_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
# What XML 1.0 cannot hold, which terminals send in abundance.
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_FILE_NAMES = re.compile(r"[^\w .,+@=()#~-]|\x7f")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$])")  # the rest means something at the beginning of a line only
_NOT_IN_COMMENTS = re.compile(r"[^\w./:;-]")


def one_line(text: object) -> str:
    """Return text for one line of a terminal: nothing in it moves the cursor, colours, or turns the direction.

    A line break becomes a blank, an escape sequence for a colour nothing, any other character that is not
    printable the replacement character.
    """
    return " ".join(lines(text).split("\n"))


def lines(text: object) -> str:
    """Return text for several lines of a terminal: as `one_line`, but line breaks and tabs stay."""
    plain = _COLOURS.sub("", str(text)).replace("\r\n", "\n").replace("\r", "\n")
    if plain.isprintable():
        return plain
    return "".join(char if char.isprintable() or char in "\n\t" else _REPLACEMENT for char in plain)


def file_name(text: str) -> str:
    """Return text as the name of one file or folder: never a path, hidden, empty, reserved or too long.

    Characters that some file system refuses become %XX of their UTF-8 bytes. Two texts have two names.
    """
    name = _NOT_IN_FILE_NAMES.sub(lambda found: _percent(found.group()), text)
    if name[:1] in ("", ".", "-", " "):
        name = (_percent(name[0]) if name else "%") + name[1:]
    if name[-1] in ". ":
        name = name[:-1] + _percent(name[-1])
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name):
        name = _percent(name[0]) + name[1:]
    if len(name.encode()) > _LONGEST_FILE_NAME:
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
        name = name.encode()[: _LONGEST_FILE_NAME - 17].decode(errors="ignore") + "%" + digest
    return name


def is_file_name(text: str) -> bool:
    """Tell whether text is a file name as it stands; use it where no other name will do."""
    return file_name(text) == text


def tcl_word(text: str) -> str:
    """Return text as one word of a Tcl command: nothing in it is substituted, and it ends where it should."""
    if not text:
        return "{}"
    # Not in braces: those have to be balanced, and a backslash before the last one escapes it.
    return re.sub(r"[^A-Za-z0-9_./:@%+,=-]", lambda found: _tcl_character(found.group()), text)


def markdown(text: object) -> str:
    """Return text for a Markdown page, inside a line or a cell of a table: it is shown as it stands."""
    return _MARKDOWN.sub(r"\\\1", one_line(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def xml(text: object) -> str:
    """Return text for an XML document, which has to be escaped by what writes it; without impossible characters."""
    return _NOT_XML.sub(_REPLACEMENT, str(text))


def html(text: object) -> str:
    """Return text for an HTML page, which has to be escaped by what writes it: nothing in it turns the direction."""
    return one_line(text)


def c_comment(text: str) -> str:
    """Return text for the inside of a C comment: it neither ends it nor continues the line."""
    return _NOT_IN_COMMENTS.sub("?", text)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))


def _tcl_character(char: str) -> str:
    if char.isprintable():
        return f"\\{char}" if char.isascii() else char
    return f"\\u{min(ord(char), 0xFFFD):04x}"  # a backslash before a line break would be a blank
