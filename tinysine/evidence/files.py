"""Evidence in a file: whole or not at all."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.evidence.arrays import (
    NAMES,
    are_large,
    arrays_of,
    beside,
    read_arrays,
    refuse_strange,
    write_arrays,
)
from tinysine.evidence.document import Document, to_document
from tinysine.evidence.reading import from_document, read_evidence
from tinysine.evidence.values import Evidence, Json
from tinysine.outside_json import ENGINES, EVIDENCE, is_document, read_json_file
from tinysine.record import to_json
from tinysine.verdicts import Finding
from tinysine.whole_files import refuse_others, unwritable, write_whole

STDOUT = Path("-")


def check_writable(path: Path, *, inputs: tuple[Path, ...] = ()) -> None:
    """Find out before the work starts that its evidence could not be kept. "-" is standard output.

    Creates the folder if it is missing; leaves a file that exists as it is.

    Args:
        path: where the evidence is to go.
        inputs: files that it must not replace.
    Raises:
        ConfigError: the path is a folder, one of the inputs, a file that holds something else than evidence, or cannot
            be written.
    """
    if path == STDOUT:
        if sys.__stdout__ is None:
            raise ConfigError("standard output is closed", hint="name a file", file=str(path))
        return
    try:
        for file in inputs:
            if file.exists() and path.exists() and file.samefile(path):
                raise ConfigError(
                    f"{path} is the model: evidence would take its place",
                    hint="name another file",
                    file=str(path),
                )
        refuse_strange(beside(path))
        refuse_others(path, what="evidence", is_ours=_is_ours)
        if path.exists():
            # A pipe that nobody reads would wait for ever; this way it is an error.
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)))
        if not path.exists() or path.is_file():
            with tempfile.TemporaryFile(dir=path.parent):
                pass
    except OSError as error:
        raise unwritable(path, error) from error


def _is_ours(file: Path) -> bool:
    return is_document(file, EVIDENCE) or is_document(file, ENGINES)


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write the JSON whole or not at all: into a new file that then takes the place of the old one.

    Inputs and answers that are too many for it are written first, into FILE.npz beside it. "-" prints it to standard
    output; then, and into a pipe, such arrays are left out, and only their digests are told.

    Raises:
        ConfigError: a path cannot be written.
    """
    arrays, place = arrays_of(evidence), beside(path)
    apart = are_large(arrays) and path != STDOUT and not (path.exists() and not path.is_file())
    if apart:
        write_arrays(arrays, place)
    write_document(to_document(evidence, arrays_file=place.name if apart else ""), path)


def add_findings(path: Path, findings: tuple[Finding, ...]) -> Document:
    """Have evidence that was written say what was found wrong later: its verdict is a failure then.

    Returns:
        The evidence as it is now.
    Raises:
        ConfigError: it cannot be read, or not be written; it is left as it was.
    """
    read_evidence(path)  # it is ours, and of this version
    document = read_json_file(path)
    document["verdict"] = "fail"
    document["findings"] = [*document["findings"], *map(to_json, findings)]
    write_document(document, path)
    return from_document(document, file=path)


def write_document(document: Json, path: Path) -> None:
    """Write JSON values whole or not at all; "-" prints them to standard output.

    Raises:
        ConfigError: the path cannot be written.
    """
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    if path == STDOUT:
        print(text, end="", flush=True)
        return
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device cannot be replaced; nor has a pipe such as /dev/fd/63 any other name to resolve to.
            path.write_text(text, encoding="utf-8")
            return
    except OSError as error:
        raise unwritable(path, error) from error
    write_whole(path, text.encode())


def arrays_of_file(document: Document, file: Path) -> dict[str, NDArray[Any]]:
    """Return inputs and answers as evidence in a file has them; {} for what is missing, or was changed.

    Args:
        document: that was read from it.
        file: whose folder has its large arrays.
    """
    outputs = document.outputs
    if outputs is None:
        return {}
    if outputs.arrays is not None:
        return read_arrays(outputs.arrays, file.parent)
    found = {name: _array(getattr(outputs, name)) for name in NAMES if getattr(outputs, name) is not None}
    return found if {"inputs", "device"} <= set(found) else {}


def _array(rows: Sequence[Sequence[float | str]]) -> NDArray[Any]:
    return np.array([[float(value) for value in row] for row in rows], np.float64)
