"""Text from outside: one escaping function for each place, and no way around them."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import string
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinysine
from tinysine import outside_text
from tinysine.errors import BenchError

PACKAGE = Path(tinysine.__file__).parent
# A forged verdict on a line of its own, a colour, a title, a direction override, markup of rich, Markdown, XML and C.
HOSTILE = (
    'x\nPASS  forged\r\x1b[2K\x1b]0;t\x07\u202e\u2066[red]|<b>&"*/ #include `${a}` [exec rm] $(rm) ;'
    " ../../e\0\x9b2J"
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60) | st.text(
    HOSTILE + string.punctuation, max_size=30
)


@given(ANY_TEXT)
def test_one_line_holds_no_order_for_a_terminal(text: str) -> None:
    """Whatever comes in, every character that comes out is printable, and it stays one line."""
    assert outside_text.one_line(text).replace("\t", "").isprintable()


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_harmless_text_is_not_changed(text: str) -> None:
    """Letters, digits and signs of any script come through."""
    assert outside_text.one_line(text) == outside_text.lines(text) == outside_text.xml(text) == text


def test_several_lines_stay_several_lines() -> None:
    """A tool's output keeps its lines and loses its colours."""
    assert outside_text.lines("\x1b[31ma\r\n\tb\rc\x07") == "a\n\tb\nc\N{REPLACEMENT CHARACTER}"


@given(ANY_TEXT)
def test_file_name_is_one_name_in_its_folder(text: str) -> None:
    """The name is no path, not hidden, no option, short, and stands for itself if it is taken again."""
    name = outside_text.file_name(text)
    assert Path("/folder") / name == Path("/folder", name)
    assert (Path("/folder") / name).parent == Path("/folder")
    assert name not in ("", ".", "..")
    assert name[0] not in ".- "
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert len(name.encode()) < 160


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_have_two_file_names(one: str, other: str) -> None:
    """No board's files land in another one's folder."""
    assert (outside_text.file_name(one) == outside_text.file_name(other)) == (one == other)


@pytest.mark.parametrize(
    "text", ["..", ".", "", "-rf", "CON", "nul.txt", "a/b", "a\\b", "a\nb", "a" * 300, "a.", "a%2F"]
)
def test_a_bad_file_name_is_known(text: str) -> None:
    """A text that is no valid file name on every system is refused."""
    assert not outside_text.is_file_name(text)


@pytest.mark.parametrize("text", ["host", "nano33ble-sense", "firmware.hex", "a_b (2)", "größe", "v1.2+3"])
def test_a_good_file_name_stays(text: str) -> None:
    """Usual names are what they are."""
    assert outside_text.file_name(text) == text


@given(ANY_TEXT.filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_tcl_reads_a_word_back(text: str) -> None:
    """Tcl's own rules give one word: nothing is substituted, no brace, bracket or quote is left bare."""
    word = outside_text.tcl_word(text)
    if not text:
        assert word == "{}"
        return
    read, rest = "", word
    while rest:
        unicode = re.match(r"\\u([0-9a-f]{4})", rest)
        if unicode:
            read, rest = read + chr(int(unicode[1], 16)), rest[6:]
        elif rest[0] == "\\":
            assert rest[1] not in string.ascii_letters + string.digits + "\n"
            read, rest = read + rest[1], rest[2:]
        else:
            assert rest[0] not in '{}[]"$;#\\ \t\n\r'
            read, rest = read + rest[0], rest[1:]
    assert read == "".join(char if char.isprintable() or ord(char) < 0xFFFD else "\ufffd" for char in text)


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed")
@pytest.mark.parametrize("text", [HOSTILE.replace("\0", ""), "a } [exit 7] {", "$env(HOME)", "\\", "a b\\"])
def test_tclsh_reads_a_word_back(text: str) -> None:
    """The program itself agrees."""
    script = (
        f"fconfigure stdout -encoding utf-8 -translation lf; puts -nonewline {outside_text.tcl_word(text)}"
    )
    done = subprocess.run(["tclsh"], input=script.encode(), capture_output=True, check=True, timeout=20)
    assert done.stdout.decode() == text


@given(ANY_TEXT)
def test_markdown_is_shown_as_it_stands(text: str) -> None:
    """Every sign that Markdown or HTML gives a meaning is escaped, and a cell of a table stays one cell."""
    shown = outside_text.markdown(text)
    assert "\n" not in shown
    bare = re.sub(r"\\.|&lt;|&amp;", "", shown)
    assert not set(bare) & set("\\`*_[]<>|~&$")


@given(ANY_TEXT)
def test_xml_can_be_read_back(text: str) -> None:
    """A document with the text in it is one that a parser takes."""
    element = ET.Element("a", b=outside_text.xml(text))
    element.text = outside_text.xml(text)
    ET.fromstring(ET.tostring(element, encoding="utf-8"))


@given(ANY_TEXT)
def test_a_c_comment_does_not_end(text: str) -> None:
    """Neither an end of the comment, nor a trigraph, nor a continued line."""
    shown = outside_text.c_comment(text)
    assert "*" not in shown
    assert "\\" not in shown
    assert "\n" not in shown


def test_an_error_is_one_printable_line() -> None:
    """Errors are printed by commands, pytest, logs and reports: what a device said does no harm in any."""
    error = BenchError(f"the device said {HOSTILE}", hint=HOSTILE, received=HOSTILE)
    assert str(error).isprintable()
    assert error.received == HOSTILE


# What may print: the two modules that all of a command's output goes through, and what prints JSON for a program.
PRINTERS = {
    "cli.py", "commands/screen.py", "commands/errors_shown.py", "commands/app.py", "evidence/files.py",
    "emulation/__main__.py", "emulation/server.py", "flashing/tool.py",
    # Programs by themselves: tinysine reads what they say, and escapes it.
    "farm/labgrid_helper.py", "image/recipes/bakenn/generate.py",
}  # fmt: skip
JSON_READERS = {
    "outside_json.py",
    "emulation/registers/__init__.py",
    "emulation/apollo3/gpio.py",
    "schemas/__init__.py",
    "farm/labgrid_helper.py",  # orders of tinysine's own; it imports nothing of it
}


@functools.cache  # several tests ask for every file
def _calls(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [_dotted(node.func) for node in nodes if isinstance(node, ast.Call)]


def _dotted(node: ast.expr) -> str:
    """Return the text of a name or of a name's attribute; for anything else only what follows its last dot."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _users(*functions: str) -> set[str]:
    paths = [path for path in PACKAGE.rglob("*.py") if "_firmware" not in path.parts]
    return {path.relative_to(PACKAGE).as_posix() for path in paths if set(functions) & set(_calls(path))}


def test_only_a_few_modules_print() -> None:
    """Everybody else goes through `say`, `table`, `show_verdict` and `say_error`, which escape."""
    users = _users("print", "typer.echo", "sys.stdout.write", "sys.stderr.write")
    assert users <= PRINTERS, "print through tinysine.commands.screen, or say here why not"


def test_only_one_module_reads_json() -> None:
    """JSON of anybody else's goes through `read_json`, which bounds its size and depth; some files are ours."""
    assert _users("json.load", "json.loads", "json_module.loads", "json_module.load") <= JSON_READERS


def test_rich_gets_escaped_text_only() -> None:
    """`rich.markup.escape` is called in one place, which makes the text harmless for the terminal, too."""
    assert _users("escape") == {"commands/screen.py"}
