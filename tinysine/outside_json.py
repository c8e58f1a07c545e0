"""JSON from outside, read within bounds: a socket, a file that anybody may edit, a program's output."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from tinysine.regular_files import MOST_BYTES, open_regular, read_regular

MOST_LEVELS = 64  # of lists and objects within each other; evidence has 8
MOST_DIGITS = 20  # of a whole number: those of 64 bits
_HEAD_BYTES = 200
EVIDENCE = "tinysine.evidence/"  # schema of evidence, of whatever version
EVIDENCE_SCHEMA = f"{EVIDENCE}1"  # of this one
ENGINES = "tinysine.engines/"  # of a table of engines


class NotJson(ValueError):
    """Text that is not JSON, or more of it than is read here; says which."""


def read_json(text: str | bytes, *, most_bytes: int = MOST_BYTES) -> Any:
    """Return the value that JSON text stands for.

    Args:
        text: UTF-8 where it is bytes.
        most_bytes: longer text is refused unread.
    Raises:
        NotJson: it is no JSON, too long, or nested too deeply; NaN, infinities and whole numbers of more than
            `MOST_DIGITS` are no JSON here, and an object has each key once.
    """
    if len(text) > most_bytes:
        raise NotJson(f"{len(text)} bytes of JSON, more than the {most_bytes} read here")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_object,
        )
    except RecursionError as error:
        raise NotJson("JSON nested too deeply") from error
    except ValueError as error:
        raise NotJson(f"not JSON: {error}") from error
    # What uses the value goes down by recursion, too.
    level, levels = [value], 0
    while level := [inner for item in level for inner in _inside(item)]:
        levels += 1
        if levels > MOST_LEVELS:
            raise NotJson(f"JSON nested more than {MOST_LEVELS} levels deep")
    return value


def read_json_object(text: str | bytes, *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        NotJson: see `read_json`, or another kind of value.
    """
    value = read_json(text, most_bytes=most_bytes)
    if not isinstance(value, dict):
        raise NotJson("JSON, but no object")
    return value


def read_json_file(file: Path, *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object in a file. A pipe or a device, which may have no end, is not read.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more than `most_bytes`.
        NotJson: see `read_json_object`.
    """
    return read_json_object(read_regular(file, most_bytes=most_bytes), most_bytes=most_bytes)


def is_document(file: Path, schema: str) -> bool:
    """Tell whether a file is JSON that tinysine wrote.

    Args:
        file: of any kind; one that cannot be read is none.
        schema: how the "schema" of such a document begins.
    """
    try:
        with open_regular(file) as stream:
            head = stream.read(_HEAD_BYTES)
        # As tinysine writes it: enough for a document that is too long to be read whole.
        begins = re.match(rb'\s*\{\s*"schema":\s*"' + re.escape(schema.encode()), head)
        return begins is not None or str(read_json_file(file).get("schema")).startswith(schema)
    except (OSError, ValueError):
        return False


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:MOST_DIGITS]} is no number that can be kept")
    return value


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in value if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands there twice")
    return value
