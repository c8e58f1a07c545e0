"""The preprocessor's directives in C source, as far as reading an array of bytes needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w*)((?:\\\r?\n|[^\n])*)", re.MULTILINE)
_PLAIN_CONDITION = re.compile(r"\(*\s*(0|1|false|true)\s*\)*")


@dataclass
class _Conditional:
    """An `#if` that is open: whether this branch is left out, and all that follow, and whether its end is hidden."""

    out: bool = False
    rest_out: bool = False
    known: bool = False


def without_directives(source: str) -> str:
    """Take out what `#if 0` hides, and leave of each other directive no more than its name.

    A condition that is not a plain 0 or 1 is not known: all of its branches stay.

    Args:
        source: C without comments.
    """
    pieces: list[str] = []
    around: list[_Conditional] = []
    outs = end = 0  # how many of those around leave their branch out
    for directive in _DIRECTIVE.finditer(source):
        if not outs:
            pieces.append(source[end : directive.start()])
        end = directive.end()
        before = outs
        name, shown = directive[1], True
        if name.startswith("if"):
            around.append(_opened(name, directive[2].strip()))
            shown, outs = not around[-1].known, outs + around[-1].out
        elif name.startswith("el") and around:
            now = around[-1]
            outs -= now.out
            now.known = now.known and (name == "else" or now.rest_out)
            now.out = now.rest_out
            shown, outs = not now.known, outs + now.out
        elif name == "endif" and around:
            closed = around.pop()
            shown, outs = not closed.known, outs - closed.out
        if shown and not before:
            pieces.append(f"\n#{name}\n")
    if not outs:
        pieces.append(source[end:])
    return "".join(pieces)


def _opened(name: str, condition: str) -> _Conditional:
    plain = _PLAIN_CONDITION.fullmatch(condition) if name == "if" else None
    if plain is None:
        return _Conditional()
    holds = plain[1] in ("1", "true")
    return _Conditional(out=not holds, rest_out=holds, known=True)
