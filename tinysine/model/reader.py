"""A .tflite file -> a frozen Model, or one ModelError that says what is wrong and what would do."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tinysine.errors import ModelError
from tinysine.model.chain import read_chain
from tinysine.model.flatbuffer import Damaged
from tinysine.model.graph import Model
from tinysine.model.tflite_file import FILE_IDENTIFIER

REFERENCE_MODEL = Path(__file__).parent / "reference" / "sine_int8.tflite"
"""The sine model that comes with tinysine."""

MAX_FILE_BYTES = 64 << 20


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read a .tflite file.

    Args:
        path: of a regular file.
    Raises:
        ModelError: the file is missing, unreadable, damaged, or not a network that is supported.
    """
    return parse_model(_read_bytes(path), file=os.fspath(path))


def read_tflite(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a .tflite file, whatever operators it has.

    Raises:
        ModelError: the file is missing, unreadable, or none of that kind.
    """
    data = _read_bytes(path)
    if not is_tflite(data):
        file = os.fspath(path)
        raise ModelError(f"{file} is not a .tflite file", hint="name a .tflite file", file=file)
    return data


def is_tflite(start: bytes) -> bool:
    """Whether a file begins as a .tflite file does; its first 8 bytes tell."""
    return start[4:8] == FILE_IDENTIFIER


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    file = os.fspath(path)
    try:
        status = os.stat(file)
        if stat.S_ISDIR(status.st_mode):
            raise ModelError(f"{file} is a folder, not a .tflite file", file=file)
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"{file} is not a regular file", file=file)
        if status.st_size > MAX_FILE_BYTES:
            raise ModelError(
                f"{file} has {status.st_size} bytes, more than the {MAX_FILE_BYTES} read here",
                hint="no microcontroller holds such a model",
                file=file,
            )
        return Path(file).read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            f"{file}: no such file", hint="`tinysine run` makes tinysine-out/sine_int8.tflite", file=file
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(f"{file} cannot be read: {reason}", file=file) from error


def parse_model(data: bytes, *, file: str) -> Model:
    """Turn the bytes of a .tflite file into a model.

    Args:
        data: the whole file.
        file: its name, for messages.
    Raises:
        ModelError: damaged, or not a network that is supported; facts say where.
    """
    data = bytes(data)
    if not data:
        raise ModelError(f"{file} is empty", file=file)
    try:
        return read_chain(data, file=file)
    except Damaged as damage:
        raise ModelError(
            f"{file} is not a .tflite file, or a damaged one: {damage}",
            hint="was the download or the copy complete?",
            file=file,
        ) from damage
