"""Built images in the cache: one folder for each build id, whole or absent."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from tinysine.errors import ConfigError
from tinysine.image.cache import cache_folder, remove_entry, workshop
from tinysine.image.files import load_image, save_image
from tinysine.image.values import Image

ELF_NAME = "image.elf"
_PATIENCE = 5  # times to clear away what others put in the same place meanwhile


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


def _entry(build_id: bytes) -> Path:
    return cache_folder("images") / build_id.hex()


def _at(image: Image, folder: Path) -> Image:
    binary = None if image.binary is None else folder / image.binary.name
    return dataclasses.replace(image, elf=folder / image.elf.name, binary=binary)
