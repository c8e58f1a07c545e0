"""Evidence read back: by the declarations that it was written by, and consistent, or refused in one line."""

from __future__ import annotations

from pathlib import Path

from tinysine.errors import ConfigError
from tinysine.evidence.consistency import contradiction
from tinysine.evidence.document import SCHEMA, Document, to_document
from tinysine.evidence.values import Evidence, Json
from tinysine.outside_json import EVIDENCE, read_json_file
from tinysine.record import from_json


def read_evidence(file: Path) -> Document:
    """Read evidence that a run wrote, of this version of its schema.

    Raises:
        ConfigError: the file cannot be read, holds something else, evidence of another version or such that contradicts
            itself; facts file and key.
    """
    try:
        document = read_json_file(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read evidence from {file}: {reason}", file=str(file)) from error
    return from_document(document, file=file)


def from_document(document: Json, *, file: Path | str) -> Document:
    """Turn JSON values into evidence.

    Args:
        file: that they come from, for the error.
    Raises:
        ConfigError: as `read_evidence`.
    """
    schema = document.get("schema")
    if schema != SCHEMA and str(schema).startswith(EVIDENCE):
        raise ConfigError(
            f"{file} is {schema}, and this version of tinysine reads {SCHEMA}",
            hint="read it with the version that wrote it",
            file=str(file),
            key="schema",
        )
    read = from_json(document, Document, file=file)
    if wrong := contradiction(read):
        raise ConfigError(
            f"{file} contradicts itself: {wrong}",
            hint="it was changed by hand: run tinysine verify --json again",
            file=str(file),
            key="verdict",
        )
    return read


def document_of(evidence: Evidence) -> Document:
    """Return a run's own evidence as it will be read back; the rules for files that were changed do not apply."""
    return from_json(to_document(evidence), Document, file="evidence")
