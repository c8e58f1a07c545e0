"""Object files that many builds share, compiled once and kept: all of the firmware but its engine and its build id."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tinysine.image.cache import cache_folder, digest_of, remove_entry, workshop

_SUFFIXES = (".o", ".su")  # the object, and what its functions take of the stack, if the compiler tells
_UNIT = "unit"
_DIGEST = "digest"


def take_object(key: bytes, wanted: Path) -> bool:
    """Copy a kept object file, and its stack usage beside it, to where a build wants them.

    Args:
        key: of everything that decides its bytes.
        wanted: the object file to be.
    Returns:
        False if it is not there, or not whole.
    Raises:
        ConfigError: the cache cannot be written.
    """
    folder = _folder(key)
    try:
        parts = _parts(folder / _UNIT)
        if (folder / _DIGEST).read_text(encoding="ascii") != _digest(parts):
            return False
    except (OSError, ValueError):
        return False
    for suffix, content in parts.items():
        wanted.with_suffix(suffix).write_bytes(content)
    return True


def keep_object(key: bytes, made: Path) -> None:
    """Keep an object file that was just made, with its stack usage. Of two builders at once, either's will do.

    Args:
        key: see `take_object`.
        made: the object file.
    Raises:
        ConfigError: the cache cannot be written.
    """
    folder, parts = _folder(key), _parts(made)
    remove_entry(folder)  # it is not whole, or another builder has put the same there a moment ago
    with workshop(folder.parent.name) as work:
        entry = work / "entry"
        entry.mkdir()
        for suffix, content in parts.items():
            (entry / f"{_UNIT}{suffix}").write_bytes(content)
        (entry / _DIGEST).write_text(_digest(parts), encoding="ascii")
        with contextlib.suppress(OSError):  # another builder was faster
            entry.replace(folder)


def _folder(key: bytes) -> Path:
    return cache_folder("runtime") / f"{key.hex()}.o"


def _parts(unit: Path) -> dict[str, bytes]:
    files = {suffix: unit.with_suffix(suffix) for suffix in _SUFFIXES}
    return {suffix: path.read_bytes() for suffix, path in files.items() if suffix == ".o" or path.exists()}


def _digest(parts: dict[str, bytes]) -> str:
    named = [part for suffix, content in parts.items() for part in (suffix, content)]
    return digest_of(*named).hex()
