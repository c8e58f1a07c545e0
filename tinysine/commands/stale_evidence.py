"""Evidence of an earlier run that a new one is to replace: a run that ends without any leaves none that says pass.

It is put aside before the command line is even read, so that a typing error, Ctrl-C, a crash and a kill are all alike.
Nothing is lost: what was put aside stays beside it as `NAME.earlier` until new evidence is there.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinysine.commands.command_line import CommandLine
from tinysine.commands.screen import say_aside
from tinysine.errors import EXIT_BENCH_FAILURE, TinysineError, cause_of
from tinysine.outside_json import read_json_file
from tinysine.whole_files import earlier, put_aside, write_whole

EVIDENCE_FILE = "evidence.json"  # of `run`, in its folder
_SCHEMA = "tinysine.evidence/"  # of whatever version
_UNFINISHED = "Unfinished"


@contextlib.contextmanager
def evidence_put_aside(asked: CommandLine, *, default_out: Path) -> Iterator[list[int]]:
    """Put the evidence aside that a command is about to replace.

    Args:
        asked: the command and its options.
        default_out: folder of `run` where none is named.
    Yields:
        A list that the exit code is to be put into.
    """
    aside = [file for file in _promised(asked, default_out) if _put_aside(file)]
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


def _promised(asked: CommandLine, default_out: Path) -> list[Path]:
    """The files that the command writes evidence to."""
    if asked.command not in ("run", "verify") or asked.options.get("help"):
        return []
    named = asked.options.get("json", "-")
    files = [Path(named)] if named != "-" else []
    if asked.command == "run":
        files.append(Path(asked.options.get("out", default_out)) / EVIDENCE_FILE)
    return [Path(os.path.realpath(file)) for file in files]


def _put_aside(file: Path) -> bool:
    if _read(file) is None:
        return False
    unfinished = "the run that was to replace this has not ended, or was killed"
    try:
        put_aside(file, instead=_document(file, unfinished, EXIT_BENCH_FAILURE))
    except OSError as error:
        say_aside(f"warning: {file} still holds the evidence of an earlier run: {error.strerror}")
        return False
    return True


def _settle(file: Path, code: int) -> None:
    found = _read(file)
    error = found.get("error") if found is not None else None
    # What cannot be done here is left: the file says already that it is no pass, and the exit code stands.
    with contextlib.suppress(OSError, TinysineError):
        if not isinstance(error, dict) or error.get("kind") != _UNFINISHED:
            earlier(file).unlink(missing_ok=True)  # there is new evidence
            return
        ended = f"the run that was to replace this ended with exit code {code}, and without evidence"
        write_whole(file, _document(file, ended, code))


def _read(file: Path) -> dict[str, Any] | None:
    """The evidence in a file; None for anything else."""
    try:
        document = read_json_file(file)
    except (OSError, ValueError):
        return None
    return document if str(document.get("schema")).startswith(_SCHEMA) else None


def _document(file: Path, message: str, code: int) -> bytes:
    hint = f"what was there before is in {earlier(file).name}"
    error = {"kind": _UNFINISHED, "message": message, "hint": hint, "exit_code": code}
    document = {"schema": f"{_SCHEMA}1", "verdict": "error", "findings": [], "error": error, "stages_s": {}}
    return (json.dumps(document, indent=2) + "\n").encode()
