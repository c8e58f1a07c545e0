"""Places of C text that can be changed, and what each is changed to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_SWAPS = {
    "+": "-",
    "-": "+",
    "<<": ">>",
    ">>": "<<",
    "&": "|",
    "|": "&",
    "^": "|",
    "<": "<=",
    ">": ">=",
    "<=": "<",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
    "+=": "-=",
    "-=": "+=",
    "|=": "&=",
    "&=": "|=",
    "!": "",
    "~": "",
}
_INSTRUCTIONS = {
    "smlad": "smladx",
    "smmla": "smmls",
    "smmlar": "smmlsr",
    "smmulr": "smmul",
    "add": "sub",
    "mla": "mls",
    "usat": "ssat",
    "ssat": "usat",
    "sxtb16": "uxtb16",
    "pkhbt": "pkhtb",
    "asr": "lsr",
    "ror": "lsl",
}
_TOKEN = re.compile(
    r"->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\|=|&=|\*=|/=|[-+<>&|!~^]"
    r"|(?<![\w.])\d+\.\d+[fF]?\b|\b0[xX][0-9a-fA-F]+[uUlL]*\b|(?<![\w.])\d+[uUlL]*\b(?!\.)|[A-Za-z_]\w*|."
)
_REAL = re.compile(r"(\d+\.\d+)([fF]?)")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)")
_IN_ASSEMBLY = re.compile(r"#(\d+)|\br([0-3])\b|\b(" + "|".join(_INSTRUCTIONS) + r")\b")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LEFT_ALONE = re.compile(r"^\s*(#(?!define)|_Static_assert|extern|.*__attribute__\(\(.*section)")


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        file: its name, below the firmware folder, or of a generated engine.
        line: the text of the line, as it was, without the space around it.
        nth: which change of lines of this text it is; a name must not depend on other lines.
        before, after: what stood there, and what stands there now.
        at: where in the file, in characters.
    """

    file: str
    line: str
    nth: int
    before: str
    after: str
    at: int

    @property
    def name(self) -> str:
        """One line that names the mutant as long as its own line of C stays as it is."""
        line = (
            self.line
            if len(self.line) <= 90
            else f"{hashlib.sha256(self.line.encode()).hexdigest()[:12]} (long)"
        )
        return f"{self.file}: {line} [{self.nth}] {self.before} -> {self.after or '(nothing)'}"

    def of(self, text: str) -> str:
        """The file's text with the change."""
        return text[: self.at] + self.after + text[self.at + len(self.before) :]


def mutants(file: str, text: str, *, assembly: bool) -> list[Mutant]:
    """All changes of a file.

    Args:
        file: its name.
        text: C.
        assembly: whether strings are instructions, and may be changed.
    """
    found: dict[str, int] = {}
    result = []
    for at, before, after in _changes(text, assembly=assembly):
        start = text.rfind("\n", 0, at) + 1
        line = text[start : text.find("\n", at)].strip().rstrip("\\").strip()
        found[line] = found.get(line, -1) + 1
        result.append(Mutant(file, line, found[line], before, after, at))
    return result


def shuffled(candidates: list[Mutant], *, seed: int = 0) -> list[Mutant]:
    """Order by a digest of the names, so that a change elsewhere in the file changes who is first little."""
    salt = f"{seed} " if seed else ""
    return sorted(candidates, key=lambda mutant: hashlib.sha256(f"{salt}{mutant.name}".encode()).digest())


def _changes(text: str, *, assembly: bool) -> Iterator[tuple[int, str, str]]:
    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    code = _COMMENT.sub(blank, text)
    if assembly:
        for string in _STRING.finditer(code):
            for found in _IN_ASSEMBLY.finditer(string[0]):
                yield from _in_assembly(found, string.start())
    code = _STRING.sub(blank, code)
    offset = 0
    for line in code.splitlines(keepends=True):
        body = 0
        if _LEFT_ALONE.match(line) or line.startswith("TS_PLAIN_DOT("):
            body = len(line)
        elif define := re.match(r"#define \w+(\([^)]*\))?", line):
            body = define.end()
        for token in _TOKEN.finditer(line, body):
            if after := _changed(token[0]):
                yield offset + token.start(), token[0], after[0]
        offset += len(line)


def _changed(token: str) -> tuple[str] | None:
    if token in _SWAPS:
        return (_SWAPS[token],)
    if real := _REAL.fullmatch(token):
        return (f"{Decimal(real[1]) + 1}{real[2]}",)
    if number := _NUMBER.fullmatch(token):
        value = int(number[1], 0)
        new = value + 1
        return (f"{new:#x}{number[2]}" if number[1][:2] in {"0x", "0X"} else f"{new}{number[2]}",)
    return None


def _in_assembly(found: re.Match[str], start: int) -> Iterator[tuple[int, str, str]]:
    number, register, instruction = found.groups()
    if number is not None:
        yield start + found.start(1), number, str(int(number) - 1 if int(number) > 1 else int(number) + 1)
    elif register is not None:
        yield start + found.start(2), register, str((int(register) + 1) % 4)
    else:
        yield start + found.start(3), instruction, _INSTRUCTIONS[instruction]
