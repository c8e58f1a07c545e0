"""The cache of built images: one folder for each build id, whole or absent."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from tinysine.errors import ConfigError
from tinysine.image.files import load_image, save_image
from tinysine.image.values import Image
from tinysine.whole_files import draft_beside, unwritable

ELF_NAME = "image.elf"
_ANOTHER_CACHE = "set XDG_CACHE_HOME to a folder that can"
_PATIENCE = 5  # times to clear away what others put in the same place meanwhile


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
    """
    folder = cache_folder(room)
    work = draft_beside(folder / "building")  # removes what builders have left that were killed
    try:
        work.mkdir()
    except OSError as error:
        raise unwritable(folder, error, hint=_ANOTHER_CACHE) from error
    try:
        yield work
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


def cached_image(build_id: bytes) -> Image | None:
    """The image with this build id, if it is there and whole."""
    try:
        image = load_image(_entry(build_id) / ELF_NAME)
    except ConfigError:
        return None
    return image if image.build_id == build_id else None


def keep_image(image: Image, *, others: tuple[Path, ...] = ()) -> Image:
    """Move a finished image and other files of its build into the cache, in one step.

    Of two builders at once, either's files will do; an entry that is not whole is replaced.
    """
    folder = _entry(image.build_id)
    with workshop(folder.parent.name) as staging:
        entry = staging / "entry"
        entry.mkdir()
        for path in (image.elf, image.binary, *others):
            if path is not None:
                shutil.move(path, entry / path.name)
        save_image(_at(image, entry))
        for _ in range(_PATIENCE):
            try:
                entry.replace(folder)
                return _at(image, folder)
            except OSError:
                found = cached_image(image.build_id)
                if found is not None:
                    return found
                remove_entry(folder)
    raise ConfigError(
        f"the cache entry {folder} cannot be replaced", hint="remove it, and build again", file=str(folder)
    )


def remove_entry(entry: Path) -> None:
    """Clear away whatever is in an entry's place: a folder, or a file or a link that somebody has put there."""
    with contextlib.suppress(OSError):
        entry.unlink()
    shutil.rmtree(entry, ignore_errors=True)


def _entry(build_id: bytes) -> Path:
    return cache_folder("images") / build_id.hex()


def _at(image: Image, folder: Path) -> Image:
    binary = None if image.binary is None else folder / image.binary.name
    return dataclasses.replace(image, elf=folder / image.elf.name, binary=binary)
