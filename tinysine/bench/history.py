"""What each board took on each night, one JSON line each, and how that changed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tinysine.errors import ConfigError
from tinysine.outside_json import read_json_object
from tinysine.regular_files import read_regular
from tinysine.settings import ENGINE, REFERENCE
from tinysine.verdicts import NOISY_UNITS
from tinysine.whole_files import unwritable

SCHEMA = "tinysine.history/1"

# What is compared from night to night, in the order of the table.
FIGURES = ("latency", "flash_bytes", "static_ram_bytes", "stack_bytes", "arena_bytes")

_BEGINS = '{"schema": "tinysine.history/'
_ANOTHER = "name another with --history"
_MOST = 2**63  # an integer beyond it counts nothing here, and may not fit a float


@dataclass(frozen=True)
class HistoryLine:
    """One board on one night. A figure that could not be measured is None.

    Attributes:
        time_utc: when, ISO 8601.
        board, kind: as in the evidence; kind is "missing" for a board that was not there.
        verdict: "pass", "fail" or "error".
        flaky: it passed only after something had to be repeated.
        unit: of `latency`.
        latency: median of one inference.
        flash_bytes, static_ram_bytes, stack_bytes, arena_bytes: as in the evidence.
        model_sha256, build_id, unique_id, tinysine_version: what was measured.
        engine, reference: that was under test, and whose answers it had to give; None: the defaults, of nights before
            these were written down.
    """

    time_utc: str
    board: str
    kind: str
    verdict: str
    flaky: bool = False
    unit: str | None = None
    latency: float | None = None
    flash_bytes: int | None = None
    static_ram_bytes: int | None = None
    stack_bytes: int | None = None
    arena_bytes: int | None = None
    model_sha256: str | None = None
    build_id: str | None = None
    unique_id: str | None = None
    tinysine_version: str | None = None
    engine: str | None = None
    reference: str | None = None

    @property
    def tested(self) -> tuple[str, str]:
        """Engine and reference."""
        return self.engine or ENGINE.default, self.reference or REFERENCE.default


def line_from_evidence(
    evidence: Mapping[str, Any] | None,
    *,
    time_utc: str,
    board: str,
    kind: str,
    verdict: str,
    engine: str = ENGINE.default,
    reference: str = REFERENCE.default,
) -> HistoryLine:
    """A line from a run's evidence, as far as the run got.

    Args:
        evidence: the JSON document; None when there is none.
        time_utc, board, kind, verdict, engine, reference: of the night.
    """
    document = evidence or {}
    latency, memory = document.get("latency") or {}, document.get("memory") or {}
    provenance = document.get("provenance") or {}
    return HistoryLine(
        time_utc=time_utc,
        board=board,
        kind=kind,
        verdict=verdict,
        flaky=bool(provenance.get("flaky")),
        unit=latency.get("unit"),
        latency=latency.get("median"),
        **{name: memory.get(name) for name in FIGURES[1:]},
        model_sha256=provenance.get("model_sha256"),
        build_id=provenance.get("build_id"),
        unique_id=(provenance.get("device") or {}).get("unique_id"),
        tinysine_version=provenance.get("tinysine_version"),
        engine=engine,
        reference=reference,
    )


def read_history(path: Path) -> list[HistoryLine]:
    """Every line that is whole; half of one, from a night that was cut off, is passed over, and so is nonsense.

    Raises:
        ConfigError: the file is there and cannot be read, or not a line of it is a history's.
    """
    try:
        lines = read_regular(path).decode(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror or error}") from error
    if any(line.strip() for line in lines) and not any(map(_is_ours, lines)):
        raise _refusal(path, "holds something else; it was left as it is")
    known = {field.name for field in fields(HistoryLine)}
    found = []
    for line in lines:
        try:
            record = read_json_object(line)
            if record.pop("schema") != SCHEMA:
                continue
            read = HistoryLine(**{key: value for key, value in record.items() if key in known})
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        if _makes_sense(read):
            found.append(read)
    return found


def _is_ours(line: str) -> bool:
    """Tell whether a line, or what a night that was cut off has left of it, is one of a history."""
    return bool(line) and (line.startswith(_BEGINS) or _BEGINS.startswith(line))


def _refusal(path: Path, what: str) -> ConfigError:
    return ConfigError(f"the history file {path} {what}", hint=_ANOTHER, file=str(path))


def _makes_sense(line: HistoryLine) -> bool:
    """Whether every value is of its type: a file that anybody may edit is all that vouches for it."""
    texts = (line.time_utc, line.board, line.kind, line.verdict)
    perhaps = (line.unit, line.model_sha256, line.build_id, line.unique_id, line.tinysine_version)
    tested = (line.engine, line.reference)
    return (
        all(isinstance(text, str) for text in texts)
        and all(text is None or isinstance(text, str) for text in (*perhaps, *tested))
        and isinstance(line.flaky, bool)
        and all(_is_figure(getattr(line, figure)) for figure in FIGURES)
    )


def _is_figure(value: object) -> bool:
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value is None
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= _MOST


def append_history(path: Path, lines: Iterable[HistoryLine]) -> None:
    """Add lines at the end.

    Raises:
        ConfigError, BenchError: the file cannot be written, or no room is left.
    """
    text = "".join(json.dumps({"schema": SCHEMA, **asdict(line)}) + "\n" for line in lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            # After half a line of a night that was cut off, a new one begins.
            if file.tell() and _last_byte(path) != b"\n":
                text = "\n" + text
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error, hint=_ANOTHER) from error


def previous(history: Iterable[HistoryLine], line: HistoryLine) -> HistoryLine | None:
    """The last night on which the same board of the same kind passed with the same model, engine, reference, unit."""
    found = None
    for earlier in history:
        same = (earlier.board, earlier.kind, earlier.model_sha256, earlier.tested) == (
            line.board,
            line.kind,
            line.model_sha256,
            line.tested,
        )
        if same and earlier.verdict == "pass" and (line.unit is None or earlier.unit == line.unit):
            found = earlier
    return found


def trend(line: HistoryLine, before: HistoryLine | None, figure: str) -> str:
    """A figure with its change: "2,905 (-1.2 %)"; "" for one that was not measured; no change where that is noise."""
    now = getattr(line, figure)
    if now is None:
        return ""
    if figure == "latency" and line.unit in NOISY_UNITS:
        return f"about {now:,.0f}"
    then = getattr(before, figure) if before is not None else None
    shown = f"{now:,.0f}"
    if then is None:
        return shown
    if now == then:
        return f"{shown} (=)"
    return f"{shown} ({100 * (now - then) / then:+.1f} %)" if then else f"{shown} (was 0)"


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
