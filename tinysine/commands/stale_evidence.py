"""Evidence of an earlier run that a new one is to replace: a run that ends without any leaves none that says pass.

It is put aside before the command line is even read, so that a typing error, Ctrl-C, a crash and a kill are all alike.
Nothing is lost: what was put aside stays beside it as `NAME.earlier` until new evidence is there.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tinysine.commands.screen import say_aside
from tinysine.errors import EXIT_BENCH_FAILURE, cause_of
from tinysine.outside_json import read_json_file
from tinysine.whole_files import write_whole

EVIDENCE_FILE = "evidence.json"  # of `run`, in its folder
_SCHEMA = "tinysine.evidence/"  # of whatever version
_UNFINISHED = "Unfinished"


@contextlib.contextmanager
def put_aside(command: str, arguments: Sequence[str], *, default_out: Path) -> Iterator[list[int]]:
    """Put the evidence aside that a command line is about to replace.

    Args:
        command: of the command line.
        arguments: of it.
        default_out: folder of `run` where none is named.
    Yields:
        A list that the exit code is to be put into.
    """
    files = [] if {"--help", "-h"} & set(arguments) else _promised(command, arguments, default_out)
    aside = [file for file in files if _put_aside(file)]
    code: list[int] = []
    try:
        yield code
    except BaseException as error:
        ended = error.code if isinstance(error, SystemExit) else None
        code.append(ended if isinstance(ended, int) else cause_of(error).exit_code)
        raise
    finally:
        for file in aside:
            _settle(file, code[-1] if code else EXIT_BENCH_FAILURE)


def _promised(command: str, arguments: Sequence[str], default_out: Path) -> list[Path]:
    if command not in ("run", "verify"):
        return []
    files = [Path(value) for value in _values(arguments, "--json") if value != "-"]
    if command == "run":
        files += [
            Path(value) / EVIDENCE_FILE for value in _values(arguments, "--out", "-o") or [str(default_out)]
        ]
    return [Path(os.path.realpath(file)) for file in files]


def _values(arguments: Sequence[str], *options: str) -> list[str]:
    after = [value for name, value in itertools.pairwise(arguments) if name in options]
    given = tuple(f"{option}=" for option in options if option.startswith("--"))
    return after + [word.partition("=")[2] for word in arguments if word.startswith(given)]


def _put_aside(file: Path) -> bool:
    if _read(file) is None:
        return False
    try:
        os.replace(file, _beside(file))
        _write(file, "the run that was to replace this has not ended, or was killed", EXIT_BENCH_FAILURE)
    except OSError as error:
        say_aside(f"warning: {file} still holds the evidence of an earlier run: {error.strerror}")
        return False
    return True


def _settle(file: Path, code: int) -> None:
    found = _read(file)
    error = found.get("error") if found is not None else None
    if not isinstance(error, dict) or error.get("kind") != _UNFINISHED:
        _beside(file).unlink(missing_ok=True)  # there is new evidence
        return
    with contextlib.suppress(OSError):
        _write(
            file, f"the run that was to replace this ended with exit code {code}, and without evidence", code
        )


def _read(file: Path) -> dict[str, Any] | None:
    """The evidence in a file; None for anything else."""
    try:
        document = read_json_file(file)
    except (OSError, ValueError):
        return None
    return document if str(document.get("schema")).startswith(_SCHEMA) else None


def _write(file: Path, message: str, code: int) -> None:
    hint = f"what was there before is in {_beside(file).name}"
    error = {"kind": _UNFINISHED, "message": message, "hint": hint, "exit_code": code}
    document = {"schema": f"{_SCHEMA}1", "verdict": "error", "findings": [], "error": error, "stages_s": {}}
    write_whole(file, (json.dumps(document, indent=2) + "\n").encode())


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.earlier")
