"""Functions of the engine's headers that a generated engine runs: those that it calls, and those that they call."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinysine.image.sources import firmware_root

CALLED = re.compile(r"\b(ts_\w+)\(")
_NAMED = re.compile(r"\bts_\w+")
_DEFINED = re.compile(r"^static [^;=]*?\b(ts_\w+)\([^;]*?\) \{$", re.MULTILINE)


@dataclass(frozen=True)
class Function:
    """One function.

    Attributes:
        header: the file that defines it, or all of them.
        named: what its bodies name: a function may be handed on, too.
    """

    header: frozenset[str]
    named: frozenset[str]


@functools.cache
def functions(root: Path | None = None) -> Mapping[str, Function]:
    """Read the functions of the engine's headers.

    Args:
        root: the firmware folder.
    """
    found: dict[str, Function] = {}
    for path in sorted(((firmware_root() if root is None else root) / "engine").glob("*.h")):
        text = path.read_text(encoding="utf-8")
        for definition in _DEFINED.finditer(text):
            name, end = definition[1], text.find("\n}\n", definition.end())
            named = frozenset(_NAMED.findall(text[definition.end() : end])) - {name}
            # A core with other instructions has another one of the same name.
            other = found.get(name, Function(frozenset(), frozenset()))
            found[name] = Function(other.header | {path.name}, other.named | named)
    return found


def run_by(source: str, root: Path | None = None) -> frozenset[str]:
    """Name the functions of the headers that a generated engine may run."""
    known = functions(root)
    reached: set[str] = set()
    new = set(CALLED.findall(source)) & known.keys()
    while new:
        reached |= new
        new = {name for each in new for name in known[each].named if name in known} - reached
    return frozenset(reached)


def headers_of(names: frozenset[str], root: Path | None = None) -> frozenset[str]:
    """Name the headers that define functions."""
    known = functions(root)
    return frozenset(header for name in names for header in known[name].header)
