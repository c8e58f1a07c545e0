"""Files from outside, read without waiting: a pipe or a device may never open, or have no end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 20


def read_regular(file: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the bytes of a regular file; a symbolic link to one is followed.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more than `most_bytes`.
    """
    # A pipe that nobody writes to would never open otherwise.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            what = "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file"
            raise OSError(0, what, str(Path(file)))
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(0, f"it has more than the {most_bytes} bytes read here", str(Path(file)))
    return content
