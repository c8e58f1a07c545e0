"""A file that was named as a model -> a frozen Model, or one ModelError that says what it is and what would do."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from tinysine.errors import ModelError
from tinysine.model.ends import read_ends
from tinysine.model.model import Model
from tinysine.regular_files import MOST_BYTES, read_regular
from tinysine.result_files import INT8_FILE
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.c_source import decoded, is_c_source, model_in_c
from tinysine.tflite.file_kind import (
    DOWNLOAD,
    HEAD_BYTES,
    TAIL_BYTES,
    ZEROS,
    is_text,
    is_tflite,
    kind_of_file,
    kind_of_folder,
    kind_of_path,
)
from tinysine.tflite.flatbuffer import Damaged
from tinysine.tflite.refusal import refuse_file

REFERENCE_MODEL = Path(__file__).parent / "reference" / INT8_FILE
"""The sine model that comes with tinysine."""


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read a .tflite file, or C source with the bytes of one, whatever operators it has.

    Args:
        path: of a regular file.
    Raises:
        ModelError: the file is missing, unreadable, damaged or of another kind, or its inputs or outputs are none that
            the link carries.
    """
    return parse_model(read_bytes(path), file=os.fspath(path))


def read_tflite(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a .tflite file, whatever operators it has, also out of C source.

    Raises:
        ModelError: the file is missing, unreadable, or none of that kind.
    """
    return tflite_bytes(read_bytes(path), file=os.fspath(path))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file that was named as a model.

    Raises:
        ModelError: there is no such file, or it is a folder, too large, or cannot be read.
    """
    file = os.fspath(path)
    try:
        if os.path.isdir(file):
            kind = kind_of_folder(Path(file))
            raise ModelError(f"{file} is {kind.what}, not a .tflite file", hint=kind.hint, file=file)
        if os.path.isfile(file) and (size := os.path.getsize(file)) > MOST_BYTES:
            raise _too_large(file, size)
        return read_regular(file)
    except FileNotFoundError as error:
        raise ModelError(
            f"{file}: no such file",
            hint=f"`tinysine run` makes tinysine-out/{INT8_FILE}, and {_reference_in_words()} comes with tinysine",
            file=file,
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(
            f"{file} cannot be read: {reason}", hint="name a .tflite file that can be read", file=file
        ) from error


def _too_large(file: str, size: int) -> ModelError:
    """The error for a file that is not read: what it is counts for more than its size."""
    kind = kind_of_path(Path(file))
    what, hint = "", "no microcontroller holds such a model"
    if kind.what not in ("a .tflite file", ZEROS):
        what, hint = f" is {kind.what}, not a .tflite file, and", kind.hint
    return ModelError(
        f"{file}{what} has {size:,} bytes, more than the {MOST_BYTES:,} read here", hint=hint, file=file
    )


def tflite_bytes(data: bytes, *, file: str) -> bytes:
    """Return a model's bytes: those of a .tflite file as they are, those in C source decoded.

    Raises:
        ModelError: they are neither.
    """
    if is_tflite(data[:8]):
        return data
    if not data:
        raise ModelError(f"{file} is empty", hint=DOWNLOAD, file=file)
    head = data[:HEAD_BYTES]
    kind = kind_of_file(head, data[-TAIL_BYTES:], file=file)
    if is_text(head) and kind.what == "a text file":
        text = decoded(data)
        if is_c_source(text, file=file):
            return model_in_c(text, file=file)
    raise ModelError(f"{file} is {kind.what}, not a .tflite file", hint=kind.hint, file=file)


def parse_model(data: bytes, *, file: str) -> Model:
    """Turn the bytes of a .tflite file, or of C source with one in it, into a model.

    Args:
        data: the whole file.
        file: its name, for messages.
    Returns:
        Its `sha256` is that of the .tflite file's bytes, also where they came out of C source.
    Raises:
        ModelError: damaged, or its inputs or outputs are none that the link carries; facts say where.
    """
    data = tflite_bytes(bytes(data), file=file)
    with damage_reported(file):
        tflite = raw.TfliteFile(data)
        if tflite.version != raw.SCHEMA_VERSION:
            refuse_file(file, f"has schema version {tflite.version}; {raw.SCHEMA_VERSION} is supported")
        tflite.open_graph()
        inputs, outputs = read_ends(tflite, file=file)
    return Model(source=data, sha256=hashlib.sha256(data).hexdigest(), inputs=inputs, outputs=outputs)


@contextlib.contextmanager
def damage_reported(file: str) -> Iterator[None]:
    """Turn damage that is met while a .tflite file is read into the error for its user.

    Raises:
        ModelError: the bytes contradict themselves.
    """
    try:
        yield
    except Damaged as damage:
        raise ModelError(
            f"{file} begins as a .tflite file, but is damaged or cut short: {damage}",
            hint=DOWNLOAD,
            file=file,
        ) from damage


def _reference_in_words() -> str:
    """Return the path of the model that comes with tinysine, the shorter of two ways to write it."""
    whole = str(REFERENCE_MODEL)
    try:
        return shlex.quote(min(os.path.relpath(whole), whole, key=len))
    except OSError:  # the folder of this process is gone
        return shlex.quote(whole)
