"""Assembly statements read without a compiler: does each say what it overwrites, and does it say so in time?

A compiler believes the operands and clobbers of a statement. A wrong one gives wrong answers only where the compiler
makes use of it, so that no number of networks proves it right. This looks at the instructions themselves.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinysine.image.toolchain import host_compiler

_STATEMENT = re.compile(r"__asm__\s*(?:volatile\s*)?\(")
_PINNED = re.compile(r"register\s+[\w\s*]*?(\w+)\s+__asm__\(\"(\w+)\"\)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPERAND = re.compile(r'(?:\[(\w+)\]\s*)?"([^"]*)"\s*\(')
_REGISTER = re.compile(r"%\[\w+\]|%\d+|\br\d+\b|\blr\b")
_COMPARES = re.compile(r"^(cmp|cmn|tst|teq|\w+s)$")
_SETS_NO_FLAGS = {"smmls"}


@dataclass(frozen=True)
class Statement:
    """One statement, expanded.

    Attributes:
        where: the macro or function that it stands in.
        instructions: one a line, operands as written.
        operands: name or number -> (constraint, the register that it is pinned to, or "").
        clobbers: registers, "memory", "cc".
    """

    where: str
    instructions: tuple[str, ...]
    operands: dict[str, tuple[str, str]]
    clobbers: frozenset[str]


def statements(root: Path) -> list[Statement]:
    """Every assembly statement of the kernels, each macro expanded in all its forms."""
    headers = sorted(
        path.name for path in (root / "engine").glob("*.h") if _STATEMENT.search(path.read_text("utf-8"))
    )
    lines = ["#define TS_ENGINE_REFERENCE TS_REFERENCE_LITERT", "#define TS_COMPACT_PACKED 1"]
    lines += [f'#include "engine/{header}"' for header in headers]
    forms = itertools.product(("TS_SINGLE", "TS_DOUBLE", "TS_DOUBLE_SIGNED"), ("TS_USAT", "TS_SSAT"))
    for scale, clamp in forms:
        for pairs in range(1, 9):
            lines += [f"MARK TS_ROW_{pairs} TS_ROW({pairs}, {scale}, {clamp}, 5)"]
            lines += [f"MARK TS_ROW_FOLD_{pairs} TS_ROW_FOLD({pairs}, {scale}, {clamp}, 5)"]
        lines += [
            f"MARK ROW_X TS_ROW_X({scale}, {clamp}, 5)",
            f"MARK ROW_PAIR TS_ROW_PAIR(a0, {scale}, {clamp}, 5, 6)",
        ]
        lines += [f"MARK ROW_FINISH TS_ROW_FINISH({scale}, {clamp}, 5)"]
    command = [
        *host_compiler(),
        "-E",
        "-P",
        "-D__ARM_FEATURE_DSP=1",
        f"-I{root}",
        f"-I{root / 'include'}",
        "-",
    ]
    done = subprocess.run(command, input="\n".join(lines), check=True, capture_output=True, text=True)
    # An empty statement only keeps a compiler from something.
    return [each for each in _parse(done.stdout) if each.instructions]


def faults(root: Path) -> list[str]:
    """One line for each thing that a statement does and does not say; empty if all are right."""
    return [f"{each.where}: {fault}" for each in statements(root) for fault in _faults(each)]


def _faults(statement: Statement) -> Iterator[str]:
    outputs = {name for name, (constraint, _) in statement.operands.items() if constraint[0] in "=+"}
    inputs = {name for name, (constraint, _) in statement.operands.items() if constraint[0] not in "=+"}
    pinned = {register: name for name, (_, register) in statement.operands.items() if register}
    first_write: dict[str, int] = {}
    last_input = -1
    for at, instruction in enumerate(statement.instructions):
        name, reads, writes = _effects(instruction)
        if _COMPARES.match(name) and name not in _SETS_NO_FLAGS and "cc" not in statement.clobbers:
            yield f"`{instruction}` sets flags, and there is no cc"
        if name.startswith("ld") and "memory" not in statement.clobbers:
            yield f"`{instruction}` reads memory, and does not say so"
        for register in reads:
            operand = pinned.get(register, register)
            known = (
                operand in first_write
                or operand in inputs
                or statement.operands.get(operand, "=")[0][0] == "+"
            )
            if not known:
                yield f"`{instruction}` reads {register}, which nothing has set"
        if any(pinned.get(register, register) in inputs for register in reads):
            last_input = at
        for register in writes:
            operand = pinned.get(register, register)
            if operand not in outputs and register not in statement.clobbers:
                yield f"`{instruction}` overwrites {register}, and does not say so"
            first_write.setdefault(operand, at)
    for operand in sorted(outputs & first_write.keys()):
        if first_write[operand] < last_input and "&" not in statement.operands[operand][0]:
            yield f"{operand} is written before the last input is read, without &"


def _effects(instruction: str) -> tuple[str, list[str], list[str]]:
    """(mnemonic, what it reads, what it writes)."""
    name, _, rest = instruction.partition(" ")
    registers = [register.strip("%[]") for register in _REGISTER.findall(rest)]
    moves = "], #" in rest or "]!" in rest or "!, {" in rest  # its pointer on
    if name == "ldmia":
        return name, registers[:1], registers[0 if moves else 1 :]
    if name == "stmia":
        return name, registers, registers[:1] if moves else []
    if name in {"ldr", "ldrd", "ldrb", "ldrsb", "ldrh"}:
        loaded = 2 if name == "ldrd" else 1
        return name, registers[loaded:], registers if moves else registers[:loaded]
    if name == "pop":
        return name, [], registers
    if name == "push" or name.startswith(("str", "cmp", "cmn", "tst", "teq", "b")):
        return name, registers, registers[2 if name == "strd" else 1 :] if moves else []
    return name, registers[1:], registers[:1]


def _parse(text: str) -> Iterator[Statement]:
    where = ""
    pins: dict[str, str] = {}
    for line in _whole_statements(text):
        if marked := re.match(r"MARK (\w+)", line):
            where, pins = marked[1], {}
        elif function := re.match(r"static .*?\b(ts_\w+)\(", line):
            where = function[1]
        pins |= dict(_PINNED.findall(line))
        code = _PINNED.sub("", line)
        for found in _STATEMENT.finditer(code):
            yield _statement(where, code[found.end() : _closing(code, found.end())], pins)


def _whole_statements(text: str) -> Iterator[str]:
    """Lines of C; a statement of assembly that takes several is one."""
    line = ""
    for part in text.splitlines():
        line = f"{line} {part}" if line else part
        if found := _STATEMENT.search(_PINNED.sub("", line)):
            rest = _STRING.sub('""', _PINNED.sub("", line)[found.end() :])
            if rest.count("(") + 1 > rest.count(")"):
                continue
        yield line
        line = ""


def _closing(text: str, start: int) -> int:
    depth, at = 1, start
    while depth:
        if text[at] == '"':
            at = _STRING.match(text, at).end() - 1  # type: ignore[union-attr]
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


def _statement(where: str, body: str, pins: dict[str, str]) -> Statement:
    blank = _STRING.sub(lambda match: " " * len(match[0]), body)
    ends = [at for at, character in enumerate(blank) if character == ":"]
    parts = [body[a + 1 : b] for a, b in itertools.pairwise([-1, *ends, len(body)])]
    template = "".join(_STRING.findall(parts[0])).replace("\\t", " ")
    operands: dict[str, tuple[str, str]] = {}
    for part in parts[1:3]:
        for found in _OPERAND.finditer(part):
            variable = part[found.end() : _closing(part, found.end())].strip()
            operands[found[1] or str(len(operands))] = (found[2], pins.get(variable, ""))
    return Statement(
        where=where,
        instructions=tuple(line.strip() for line in template.split("\\n") if line.strip()),
        operands=operands,
        clobbers=frozenset(_STRING.findall(parts[3])) if len(parts) > 3 else frozenset(),
    )
