"""Files that are written entirely or not at all: completed beside the old ones, then put in their place."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tinysine.errors import BenchError, ConfigError, TinysineError
from tinysine.processes import started

ANOTHER_FOLDER = "choose another folder"
FREE_SOME = "free some, or write elsewhere"
_LONGEST_NAME = 255  # bytes, as most file systems have it
_LONGEST_STEM = 100  # of a draft's name
_DRAFT = re.compile(
    r"\..*\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,9})-(?P<started>\w*)-[0-9a-f]{8}\.part", re.S
)
_FULL_BYTES = 64 * 1024  # less than that is no room for an object file, or for a database
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def is_full(error: OSError) -> bool:
    """Tell whether an error means that there was no room left to write to."""
    return error.errno in _FULL


def has_no_room(folder: Path) -> bool:
    """Tell whether the disk of a folder is as good as full, for a program that does not say so."""
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


def unwritable(path: Path, error: OSError, *, hint: str = ANOTHER_FOLDER) -> TinysineError:
    """The error for a file or folder that the system does not let us write: a full disk is the bench's fault."""
    if is_full(error):
        return BenchError(f"{path} cannot be written: {error.strerror}", hint=FREE_SOME, file=str(path))
    # mkdir says "File exists" when what is there is no folder.
    reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror or error
    return ConfigError(f"{path} cannot be written: {reason}", hint=hint, file=str(path))


def refuse_others(path: Path, *, what: str, is_ours: Callable[[Path], bool]) -> None:
    """Refuse a place in which a document must not be written: a folder, or a file with something else in it.

    Args:
        path: of the document, whose folder is made.
        what: it is, for people.
        is_ours: tells whether a file holds an earlier one.
    Raises:
        ConfigError: it is refused; fact `file`.
        OSError: it cannot be looked at, or its folder cannot be made.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", hint="name a file in it", file=str(path))
    if path.is_file() and path.stat().st_size and not is_ours(path):
        raise ConfigError(
            f"{path} holds something else than {what}; it was left as it is",
            hint="name another file",
            file=str(path),
        )
    path.parent.mkdir(parents=True, exist_ok=True)


def behind_links(path: Path) -> Path:
    """Return the whole path of a file or folder that may not be there; links are followed, but one to itself stays."""
    return Path(os.path.realpath(path))  # Path.resolve raises RuntimeError there


def draft_beside(final: Path) -> Path:
    """Return a new name for what is to take the place of `final`, a file or a folder, when it is whole.

    Drafts in the same folder that processes of this computer left when they were killed are removed. Those of a
    process that lives, and those of other computers, stay.
    """
    sweep_drafts(final.parent)
    owner = f"{_machine()}-{os.getpid()}-{started(os.getpid())}"
    return final.with_name(f".{_short(final.name)}.{owner}-{secrets.token_hex(4)}.part")


def is_draft(path: Path) -> bool:
    """Tell whether a path is named as `draft_beside` names them."""
    return _DRAFT.fullmatch(path.name) is not None


def sweep_drafts(folder: Path) -> None:
    """Remove the drafts of dead processes from a folder, as far as it allows that."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.endswith(".part")]
    except OSError:
        return
    for name in names:
        found = _DRAFT.fullmatch(name)
        if found is None or found["machine"] != _machine() or started(int(found["pid"])) == found["started"]:
            continue
        draft = folder / name
        with contextlib.suppress(OSError):
            if draft.is_dir() and not draft.is_symlink():
                shutil.rmtree(draft)
            else:
                draft.unlink()


def _short(name: str, *, most_bytes: int = _LONGEST_STEM) -> str:
    return os.fsdecode(os.fsencode(name)[:most_bytes])


@functools.cache
def _machine() -> str:
    """Tell computers, and containers on one computer, apart: each counts its processes for itself."""
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode(errors="replace")).hexdigest()[:8]


def require_writable(folder: str | os.PathLike[str]) -> Path:
    """Make a folder if need be, and prove that files can be made in it, before any work is done.

    Raises:
        ConfigError: it cannot be made or written to; fact `file`.
        BenchError: no room is left; fact `file`.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = draft_beside(path / "tinysine")
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def earlier(path: Path) -> Path:
    """Return a name for a file that is put aside: NAME.earlier, or with a number, such as nothing has yet."""
    for number in itertools.count(1):
        end = ".earlier" if number == 1 else f".earlier-{number}"
        aside = path.with_name(_short(path.name, most_bytes=_LONGEST_NAME - len(end)) + end)
        if not os.path.lexists(aside):
            return aside
    raise AssertionError  # there is always another number


def put_aside(path: Path, aside: Path, *, instead: bytes | None = None) -> None:
    """Rename a file, and put another one in its place.

    Args:
        path: a file, no symbolic link.
        aside: its new name, as `earlier` gives it.
        instead: what takes the file's place. It is on the disk before anything is renamed.
    Raises:
        OSError: as the system has it; the file is where it was.
    """
    draft = draft_beside(path)
    try:
        if instead is not None:
            draft.write_bytes(instead)
        os.replace(path, aside)
        if instead is not None:
            os.replace(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


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
            final = behind_links(at)
            draft = draft_beside(final)
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
