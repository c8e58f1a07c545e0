"""Files from outside, read without waiting: a pipe or a device may never open, or have no end."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 64 << 20
"""The longest file that is read whole."""


def open_regular(file: str | os.PathLike[str], *, follow_links: bool = True) -> BinaryIO:
    """Open a regular file for reading bytes.

    Args:
        file: its path.
        follow_links: whether a symbolic link to one will do.
    Raises:
        OSError: it cannot be read, or is not a regular file.
        ValueError: no file can have that name.
    """
    # A device is not even opened: that alone resets some boards.
    _require_regular(os.stat(file, follow_symlinks=follow_links), file)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    # Something else may have taken its place: a pipe that nobody writes to would never open otherwise.
    flags |= getattr(os, "O_NONBLOCK", 0) | (0 if follow_links else getattr(os, "O_NOFOLLOW", 0))
    stream = open(os.open(file, flags), "rb")  # noqa: SIM115  # the caller closes it
    try:
        _require_regular(os.fstat(stream.fileno()), file)
    except OSError:
        stream.close()
        raise
    return stream


def read_regular(
    file: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES, follow_links: bool = True
) -> bytes:
    """Return the bytes of a regular file.

    Args:
        file: its path.
        most_bytes: a longer file is refused.
        follow_links: whether a symbolic link to one will do.
    Raises:
        OSError: it cannot be read, is not a regular file, or has more than `most_bytes`.
        ValueError: no file can have that name.
    """
    with open_regular(file, follow_links=follow_links) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(0, f"it has more than the {most_bytes} bytes read here", str(Path(file)))
    return content


def _require_regular(status: os.stat_result, file: str | os.PathLike[str]) -> None:
    if not stat.S_ISREG(status.st_mode):
        what = "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file"
        raise OSError(0, what, str(Path(file)))
