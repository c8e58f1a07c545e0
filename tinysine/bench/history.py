"""What each board took on each night, one JSON line each, and how that changed."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tinysine.bench.trends import measured, trends
from tinysine.errors import ConfigError
from tinysine.evidence import Document
from tinysine.outside_json import read_json_object
from tinysine.record import Record, always, fact, to_json
from tinysine.regular_files import read_regular
from tinysine.settings import ENGINE, REFERENCE
from tinysine.verdicts import NOISY_UNITS
from tinysine.whole_files import unwritable

SCHEMA = "tinysine.history/1"

_BEGINS = '{"schema": "tinysine.history/'
_ANOTHER = "name another with --history"
_MOST = 2**63 - 1  # an integer beyond it counts nothing here, and may not fit a float
Number = (
    Annotated[int, Meta(ge=-_MOST, le=_MOST)]
    | Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
)


class HistoryLine(Record, tag_field="schema", tag=SCHEMA):
    """One board on one night."""

    time_utc: Annotated[str, fact("when, ISO 8601")]
    board: Annotated[str, fact("as in the evidence")]
    kind: Annotated[str, fact("as in the evidence; `missing` for a board that was not there")]
    verdict: Annotated[str, fact("`pass`, `fail` or `error`")]
    flaky: Annotated[bool, fact("it passed only after something had to be repeated")] = always(False)
    unit: Annotated[str | None, fact("of `latency`")] = None
    figures: Annotated[
        dict[str, Number | None], fact("what is compared, by name; absent where it was not measured")
    ] = msgspec.field(default_factory=dict)
    model_sha256: Annotated[str | None, fact("of what was measured")] = None
    build_id: Annotated[str | None, fact("of what was measured")] = None
    unique_id: Annotated[str | None, fact("of the chip")] = None
    tinysine_version: Annotated[str | None, fact("that measured it")] = None
    engine: Annotated[str | None, fact("under test; absent for the default of earlier nights")] = None
    reference: Annotated[
        str | None, fact("whose answers it had to give; absent for the default of earlier nights")
    ] = None

    @property
    def tested(self) -> tuple[str, str]:
        """Engine and reference."""
        return self.engine or ENGINE.default, self.reference or REFERENCE.default


def line_from_evidence(
    evidence: Document | None,
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
        evidence: None when there is none.
        time_utc, board, kind, verdict, engine, reference: of the night.
    """
    line = HistoryLine(time_utc, board, kind, verdict, engine=engine, reference=reference)
    if evidence is None:
        return line
    line = replace(
        line,
        unit=None if evidence.latency is None else evidence.latency.unit,
        figures=measured(evidence),
    )
    if (known := evidence.provenance) is None:
        return line
    return replace(
        line,
        flaky=known.flaky,
        model_sha256=known.model_sha256,
        build_id=known.build_id,
        unique_id=None if known.device is None else known.device.unique_id,
        tinysine_version=known.tinysine_version,
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
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):  # of JSON, and of what is in it
            record = read_json_object(line)
            figures = {name: record[name] for name in trends() if record.get(name) is not None}
            found.append(msgspec.convert(record | {"figures": figures}, HistoryLine))
    return found


def _is_ours(line: str) -> bool:
    """Tell whether a line, or what a night that was cut off has left of it, is one of a history."""
    return bool(line) and (line.startswith(_BEGINS) or _BEGINS.startswith(line))


def _refusal(path: Path, what: str) -> ConfigError:
    return ConfigError(f"the history file {path} {what}", hint=_ANOTHER, file=str(path))


def append_history(path: Path, lines: Iterable[HistoryLine]) -> None:
    """Add lines at the end.

    Raises:
        ConfigError, BenchError: the file cannot be written, or no room is left.
    """
    text = "".join(json.dumps(flat(line)) + "\n" for line in lines)
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


def flat(line: HistoryLine) -> dict[str, Any]:
    """A line as JSON values, its figures among the other fields."""
    record = to_json(line)
    figures: dict[str, Any] = record.pop("figures", {})
    return record | figures


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
    now = line.figures.get(figure)
    if now is None:
        return ""
    if figure == "latency" and line.unit in NOISY_UNITS:
        return f"about {now:,.0f}"
    then = None if before is None else before.figures.get(figure)
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
