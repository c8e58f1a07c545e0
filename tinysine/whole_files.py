"""Files that are written entirely or not at all: completed beside the old ones, then put in their place."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tinysine.errors import BenchError, ConfigError, TinysineError

ANOTHER_FOLDER = "choose another folder"
FREE_SOME = "free some, or write elsewhere"
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def is_full(error: OSError) -> bool:
    """Whether there was no room left to write to."""
    return error.errno in _FULL


def unwritable(path: Path, error: OSError, *, hint: str = ANOTHER_FOLDER) -> TinysineError:
    """The error for a file or folder that the system does not let us write: a full disk is the bench's fault."""
    if is_full(error):
        return BenchError(f"{path} cannot be written: {error.strerror}", hint=FREE_SOME, file=str(path))
    # mkdir says "File exists" when what is there is no folder.
    reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror or error
    return ConfigError(f"{path} cannot be written: {reason}", hint=hint, file=str(path))


def require_writable(folder: str | os.PathLike[str]) -> Path:
    """Make a folder if need be, and prove that files can be made in it, before any work is done.

    Raises:
        ConfigError: it cannot be made or written to; fact `file`.
        BenchError: no room is left; fact `file`.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".tinysine-{secrets.token_hex(4)}"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def write_whole(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write one file. A symbolic link is followed, and an old file's permissions are kept.

    Raises:
        ConfigError, BenchError: it cannot be written, or no room is left; what was there before still is. Fact
            `file`.
    """
    write_files(path.parent, {path.name: content}, executable=executable)


def write_files(
    folder: str | os.PathLike[str], contents: Mapping[str, bytes], *, executable: bool = False
) -> tuple[Path, ...]:
    """Write a set of files, replacing old ones of the same names only after every new one is on the disk.

    Args:
        folder: made if need be.
        contents: bytes by file name.
        executable: whether they are programs.
    Raises:
        ConfigError, BenchError: something could not be written, or no room is left; whatever was there before still
            is. Fact `file`.
    """
    paths = tuple(Path(folder) / name for name in contents)
    drafts: list[tuple[Path, Path]] = []
    at = Path(folder)
    try:
        at.mkdir(parents=True, exist_ok=True)
        for at, content in zip(paths, contents.values(), strict=True):
            if at.is_dir():
                raise IsADirectoryError(0, "a folder of that name is in the way")
            final = at.resolve()
            draft = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
            drafts.append((draft, final))
            draft.write_bytes(content)
            if final.exists():
                draft.chmod(final.stat().st_mode & 0o777)
            if executable:
                draft.chmod(0o755)
        for draft, final in drafts:
            draft.replace(final)
    except OSError as error:
        raise unwritable(at, error) from error
    finally:
        for draft, _ in drafts:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    return paths
