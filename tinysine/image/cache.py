"""The user's cache: its folders, what is made in them, and libraries that many builds need.

Every emulated board needs such a library, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from tinysine.whole_files import draft_beside, is_full, unwritable

_ANOTHER_CACHE = "set XDG_CACHE_HOME to a folder that can"


def cache_folder(room: str) -> Path:
    """A folder of the user's cache, made if need be.

    Raises:
        ConfigError: it cannot be written.
    """
    folder = platformdirs.user_cache_path("tinysine") / room
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error, hint=_ANOTHER_CACHE) from error
    return folder


@contextmanager
def workshop(room: str) -> Iterator[Path]:
    """A temporary folder on the same file system as the cache, so that what is made there moves in one step.

    Raises:
        ConfigError: the cache cannot be written.
        BenchError: no room is left on its disk.
    """
    folder = cache_folder(room)
    work = draft_beside(folder / "building")  # removes what builders have left that were killed
    try:
        work.mkdir()
    except OSError as error:
        raise unwritable(folder, error, hint=_ANOTHER_CACHE) from error
    try:
        yield work
    except OSError as error:
        if is_full(error):  # it does not say where
            raise unwritable(folder, error) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def digest_of(*parts: str | bytes) -> bytes:
    """16 bytes of a SHA-256 over parts, of which none can pass for the end of the one before it."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()[:16]


def cached_library(key: bytes, make: Callable[[Path], Path], *, suffix: str = ".a") -> Path:
    """A library that many builds need, made once and kept.

    Args:
        key: of everything that decides its bytes.
        make: makes it in a folder that goes afterwards, and says where.
        suffix: of its name.
    Raises:
        ConfigError: the cache cannot be written.
    """
    library = cache_folder("runtime") / f"{key.hex()}{suffix}"
    if not library.is_file():
        with workshop("runtime") as work:
            made = make(work)
            if library.is_dir():
                remove_entry(library)
            made.replace(library)
    return library


def remove_entry(entry: Path) -> None:
    """Clear away whatever is in an entry's place: a folder, or a file or a link that somebody has put there."""
    with contextlib.suppress(OSError):
        entry.unlink()
    shutil.rmtree(entry, ignore_errors=True)
