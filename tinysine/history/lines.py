"""Histories of earlier versions: one JSON line for each board and night. They are read into a history of today."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from tinysine.errors import ConfigError
from tinysine.history.records import Figure, HistoryRun
from tinysine.outside_json import read_json_object
from tinysine.record import Record, Size, Words, fact, from_json
from tinysine.regular_files import read_regular

SCHEMA = "tinysine.history/1"
_MOST = 2**63  # an integer beyond it counts nothing here
_BYTES = ("flash_bytes", "static_ram_bytes", "stack_bytes", "arena_bytes")


class Line(Record, kw_only=True):
    """One board on one night."""

    time_utc: Annotated[Words, fact("when")]
    board: Annotated[Words, fact("its name")]
    kind: Annotated[str, fact("what stood behind the port")]
    verdict: Annotated[Literal["pass", "fail", "error"], fact("of the night")]
    flaky: Annotated[bool, fact("it passed only after something had to be repeated")] = False
    unit: Annotated[str | None, fact("of `latency`")] = None
    latency: Annotated[Size | None, fact("median of one inference")] = None
    flash_bytes: Annotated[Size | None, fact("the whole image", unit="bytes")] = None
    static_ram_bytes: Annotated[Size | None, fact("data and bss", unit="bytes")] = None
    stack_bytes: Annotated[Size | None, fact("the deepest that the stack got", unit="bytes")] = None
    arena_bytes: Annotated[Size | None, fact("planned for activations", unit="bytes")] = None
    model_sha256: Annotated[str | None, fact("of the model")] = None
    build_id: Annotated[str | None, fact("of the image")] = None
    unique_id: Annotated[str | None, fact("of the chip")] = None
    tinysine_version: Annotated[str | None, fact("of tinysine")] = None
    engine: Annotated[str | None, fact("under test; absent for the generated one")] = None
    reference: Annotated[str | None, fact("the reference that it had to equal; absent for litert")] = None


def read_lines(path: Path) -> tuple[list[HistoryRun], int]:
    """Read a history of lines.

    Returns:
        Its runs, and how many lines were passed over: half of one, from a night that was cut off, and nonsense.
    Raises:
        ConfigError: the file cannot be read, or not a line of it is a history's.
    """
    try:
        lines = [line for line in read_regular(path).decode(errors="replace").splitlines() if line.strip()]
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror or error}") from error
    found = [run for line in lines if (run := _run(line, path)) is not None]
    if lines and not found:
        raise _refusal(path, "holds something else")
    return found, len(lines) - len(found)


def _run(text: str, path: Path) -> HistoryRun | None:
    try:
        record = read_json_object(text)
        if record.pop("schema", None) != SCHEMA:
            return None
        line = from_json(record, Line, file=path)
    except (ValueError, ConfigError):
        return None
    figures = {"latency.median": (line.latency, line.unit or "")}
    figures |= {f"memory.{name}": (getattr(line, name), "bytes") for name in _BYTES}
    return HistoryRun(
        started_utc=line.time_utc,
        command="nightly",
        board=line.board,
        kind=line.kind,
        verdict=line.verdict,
        flaky=line.flaky,
        model_sha256=line.model_sha256 or "",
        build_id=line.build_id or "",
        unique_id=line.unique_id or "",
        tinysine_version=line.tinysine_version or "",
        engine=line.engine or "generated",
        reference=line.reference or "litert",
        figures=tuple(
            Figure(name, value, unit, better="lower")
            for name, (value, unit) in figures.items()
            if value is not None and math.isfinite(value) and abs(value) < _MOST
        ),
    )


def _refusal(path: Path, what: str) -> ConfigError:
    return ConfigError(f"the history file {path} {what}", hint="name a history.jsonl", file=str(path))
