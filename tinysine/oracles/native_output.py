"""Redirection of the output of C++ libraries, which Python does not see: into the log, not onto the terminal."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("tinysine.native")
_lock = threading.RLock()
_STDERR = 2


@contextmanager
def native_stderr(source: str) -> Iterator[list[str]]:
    """Redirect file descriptor 2 while the block runs, and log what arrived.

    The whole process is redirected, so the block should be short.

    Args:
        source: whose output this is, for the log.
    Yields:
        A list that holds the lines once the block has ended.
    """
    lines: list[str] = []
    with _lock, tempfile.TemporaryFile() as caught:
        if sys.stderr is not None:
            sys.stderr.flush()
        kept = os.dup(_STDERR)
        try:
            os.dup2(caught.fileno(), _STDERR)
            try:
                yield lines
            finally:
                os.dup2(kept, _STDERR)
        finally:
            os.close(kept)
            caught.seek(0)
            lines += caught.read().decode("utf-8", errors="replace").splitlines()
            for line in lines:
                _log.debug("%s: %s", source, line)
