"""Catching what C++ libraries print, and keeping it in a log.

TensorFlow and LiteRT write to the file descriptors behind stdout and stderr, past everything Python can
redirect, so the descriptors themselves are turned to a file while they work.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

logger = logging.getLogger("tinysine.training")

LOG_LIMIT_BYTES = 1 << 20


class _Streams(NamedTuple):
    """Streams as they were before they were turned to the log, and copies of the descriptors."""

    stdout: IO[str]
    stderr: IO[str]
    descriptors: Mapping[int, int]


_BEFORE: contextvars.ContextVar[_Streams | None] = contextvars.ContextVar("before", default=None)


def default_log() -> Path:
    """Return the file for the libraries' own messages, if no other is named."""
    import platformdirs  # noqa: PLC0415 - only needed where something is logged

    return Path(platformdirs.user_log_path("tinysine")) / "tensorflow.log"


@contextlib.contextmanager
def messages_to_log(log: Path | None = None) -> Iterator[None]:
    """Catch everything the process prints until the end of the block.

    That is from every thread and on both streams, so a progress bar should not be moving meanwhile.

    Args:
        log: file to append to; `default_log()` if none is named. One that cannot be written is passed over:
            the logger "tinysine.training" gets every line too, at level DEBUG.
    """
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as caught:
        try:
            with (
                _descriptors_to(caught) as descriptors,
                _remembered(_Streams(sys.stdout, sys.stderr, descriptors)),
                contextlib.redirect_stdout(caught),
                contextlib.redirect_stderr(caught),
                _warnings_to(caught),
            ):
                yield
        finally:
            caught.seek(0)
            _record(caught.read(), log or default_log())


@contextlib.contextmanager
def messages_shown() -> Iterator[None]:
    """Show what is printed, within `messages_to_log`, until the end of the block: for the caller's own function."""
    before = _BEFORE.get()
    if before is None:
        yield
        return
    turned = {descriptor: os.dup(descriptor) for descriptor in before.descriptors}
    try:
        _turn(before.descriptors)
        with contextlib.redirect_stdout(before.stdout), contextlib.redirect_stderr(before.stderr):
            yield
            with contextlib.suppress(AttributeError, OSError, ValueError):  # absent or closed
                sys.stdout.flush()
                sys.stderr.flush()
    finally:
        _turn(turned)
        for copy in turned.values():
            os.close(copy)


def _turn(descriptors: Mapping[int, int]) -> None:
    for descriptor, target in descriptors.items():
        os.dup2(target, descriptor)


@contextlib.contextmanager
def _remembered(streams: _Streams) -> Iterator[None]:
    token = _BEFORE.set(streams)
    try:
        yield
    finally:
        _BEFORE.reset(token)


@contextlib.contextmanager
def _warnings_to(target: IO[str]) -> Iterator[None]:
    # What one library thinks of another is not our caller's error, even where warnings are errors.
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("default")
        try:
            yield
        finally:
            for warning in raised:
                target.write(
                    f"{warning.filename}:{warning.lineno}: {warning.category.__name__}: {warning.message}\n"
                )


@contextlib.contextmanager
def _descriptors_to(target: IO[str]) -> Iterator[Mapping[int, int]]:
    saved: dict[int, int] = {}
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # absent or closed, as under pythonw
            stream.flush()  # type: ignore[union-attr]
    try:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):  # closed: nothing to turn away
                saved[descriptor] = os.dup(descriptor)
                os.dup2(target.fileno(), descriptor)
        yield saved
    finally:
        target.flush()
        for descriptor, original in saved.items():
            os.dup2(original, descriptor)
            os.close(original)


def _record(text: str, log: Path) -> None:
    if not text.strip():
        return
    for line in text.splitlines():
        logger.debug("%s", line)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        too_long = log.exists() and log.stat().st_size > LOG_LIMIT_BYTES
        with log.open("w" if too_long else "a", encoding="utf-8") as file:
            file.write(f"--- {datetime.datetime.now().astimezone().isoformat(timespec='seconds')}\n{text}")
    except OSError as error:
        logger.debug("could not write %s: %s", log, error)
