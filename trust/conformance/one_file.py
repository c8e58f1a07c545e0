"""Many generated engines in one C file, each with its own copy of the kernels, as if it stood alone.

A compiler specialises a kernel for the calls that it sees. So that it sees here what it sees in a real build, the
headers of firmware/engine are included again for every engine, with all their names changed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from tinysine.image.sources import firmware_root

_NAME = re.compile(r"\bts_\w+")
_MACRO = re.compile(r"^#define (TS_\w+)", re.MULTILINE)
_GUARD = re.compile(r"^#ifndef (TINYSINE_\w+_H)$", re.MULTILINE)
_SETTING = re.compile(r"^#define (TS_\w+ .*)$", re.MULTILINE)
_DEFINITION = "const struct ts_engine ts_engine ="
_OF_AN_ENGINE = ("TS_ENGINE_REFERENCE", "TS_COMPACT_BIAS", "TS_COMPACT_LIMITS", "TS_COMPACT_PACKED")
_ALWAYS = ("ts_engine_init", "ts_engine_input", "ts_engine_output", "ts_engine_invoke")


@functools.cache
def _kernels(root: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """(the names that the engine's headers define, the macros and guards to forget before the next engine)."""
    own = [path.read_text(encoding="utf-8") for path in sorted((root / "engine").glob("*.h"))]
    shared = "".join(path.read_text(encoding="utf-8") for path in (root / "include").rglob("*.h"))
    names = {name for text in own for name in _NAME.findall(text)} - set(_NAME.findall(shared))
    forgotten = {name for text in own for name in (*_MACRO.findall(text), *_GUARD.findall(text))}
    return frozenset(names), tuple(sorted(forgotten))


def one_file(engines: Iterable[tuple[str, str]], *, root: Path | None = None, apart: bool = True) -> str:
    """Put engines one after another.

    Args:
        engines: for each a prefix for its names, a C identifier, and its generated source.
        root: the firmware folder.
        apart: whether each has kernels of its own, as in a build; else those of equal settings share them, which
            compiles faster.
    Returns:
        C that defines `PREFIX_ts_engine_invoke` and `PREFIX_engine` for each engine.
    """
    names, forgotten = _kernels(firmware_root() if root is None else root)
    groups: dict[object, list[tuple[str, str]]] = {}
    for prefix, source in engines:
        groups.setdefault(prefix if apart else tuple(sorted(_SETTING.findall(source))), []).append(
            (prefix, source)
        )
    parts = [f'#include "tinysine/{header}"' for header in ("engine.h", "flash.h", "quantize.h")]
    for members in groups.values():
        parts += [f"#undef {name}" for name in (*forgotten, *_OF_AN_ENGINE)]
        parts += [f"#define {name} {members[0][0]}_{name}" for name in sorted(names)]
        for prefix, source in members:
            if _DEFINITION not in source:
                raise ValueError("the generated engine does not define ts_engine as this expects")
            own = sorted(
                {name for name in _NAME.findall(source) if name.startswith("ts_engine_")} - names | {*_ALWAYS}
            )
            parts += [f"#define {name} {prefix}_{name}" for name in own]
            parts.append(source.replace(_DEFINITION, f"const struct ts_engine {prefix}_engine ="))
            parts += [f"#undef {name}" for name in own]
        parts += [f"#undef {name}" for name in sorted(names)]
    return "\n".join(parts) + "\n"
