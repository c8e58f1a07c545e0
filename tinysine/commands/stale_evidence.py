"""Evidence and reports of an earlier run that a new one is to replace: one that ends without any leaves no pass.

It is put aside before the command line is checked, so that a typing error, Ctrl-C, a crash and a kill are all alike.
Nothing is lost: what was put aside stays beside it as `NAME.earlier` until new evidence is there, over as many runs as
that takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tinysine.commands.command_line import CommandLine
from tinysine.commands.screen import say_aside
from tinysine.errors import EXIT_BENCH_FAILURE, TinysineError, cause_of
from tinysine.outside_json import ENGINES, EVIDENCE, is_document, read_json_file
from tinysine.report_file import REPORT_MARK, is_report
from tinysine.result_files import EVIDENCE_FILE, REPORT_FILE
from tinysine.whole_files import behind_links, earlier, put_aside, write_whole

_UNFINISHED = "Unfinished"
_EARLIER = re.compile(r'<meta name="earlier" content="([^"]*)">')
_HINT = "what was there before is in "


@contextlib.contextmanager
def evidence_put_aside(asked: CommandLine, *, default_out: Path) -> Iterator[list[int]]:
    """Put the evidence aside that a command is about to replace.

    Args:
        asked: the command and its options.
        default_out: folder of `run` where none is named.
    Yields:
        A list that the exit code is to be put into.
    """
    aside = {file: kept for file in _promised(asked, default_out) if (kept := _put_aside(file)) is not None}
    code: list[int] = []
    try:
        yield code
    except BaseException as error:
        ended = error.code if isinstance(error, SystemExit) else None
        code.append(ended if isinstance(ended, int) else cause_of(error).exit_code)
        raise
    finally:
        for file, kept in aside.items():
            _settle(file, kept, code[-1] if code else EXIT_BENCH_FAILURE)


def _promised(asked: CommandLine, default_out: Path) -> list[Path]:
    """The files that the command writes evidence to."""
    if asked.command not in ("run", "verify", "engines") or asked.options.get("help"):
        return []
    named = (asked.options.get(option, "-") for option in ("json", "html"))
    files = [Path(name) for name in named if name != "-"]
    if asked.command == "run":
        folder = Path(asked.options.get("out", default_out))
        files += [folder / EVIDENCE_FILE, folder / REPORT_FILE]
    return [behind_links(file) for file in files]


def _put_aside(file: Path) -> Path | None:
    """Put evidence aside, if the file holds any; return where it is now."""
    if not _is_evidence(file):
        return None
    if (kept := _kept_beside(file)) is not None:
        return kept  # an earlier run has put it aside already
    kept = earlier(file)
    unfinished = "the run that was to replace this has not ended, or was killed"
    try:
        put_aside(file, kept, instead=_instead(file)(kept, unfinished, EXIT_BENCH_FAILURE))
    except OSError as error:
        say_aside(f"warning: {file} still holds the evidence of an earlier run: {error.strerror}")
        return None
    return kept


def _settle(file: Path, kept: Path, code: int) -> None:
    # What cannot be done here is left: the file says already that it is no pass, and the exit code stands.
    with contextlib.suppress(OSError, TinysineError):
        if _kept_beside(file) is not None:
            ended = f"the run that was to replace this ended with exit code {code}, and without evidence"
            write_whole(file, _instead(file)(kept, ended, code))
        elif _is_evidence(kept):
            kept.unlink()  # there is new evidence


def _is_evidence(file: Path) -> bool:
    return is_document(file, EVIDENCE) or is_document(file, ENGINES) or is_report(file)


def _kept_beside(file: Path) -> Path | None:
    """Return the file of the evidence that was put aside, as named in the new file; None if that file is another."""
    if is_report(file):
        import html  # noqa: PLC0415  # as below

        found = _EARLIER.search(file.read_text(encoding="utf-8", errors="replace"))
        return None if found is None else file.with_name(Path(html.unescape(found[1])).name or file.name)
    try:
        error = read_json_file(file).get("error")
    except (OSError, ValueError):
        return None
    if not isinstance(error, dict) or error.get("kind") != _UNFINISHED:
        return None
    return file.with_name(Path(str(error.get("hint")).removeprefix(_HINT)).name or file.name)


def _instead(file: Path) -> Callable[[Path, str, int], bytes]:
    return _page if is_report(file) else _document


def _page(kept: Path, message: str, _code: int) -> bytes:
    import html  # noqa: PLC0415  # with all names of characters, which each start would read

    name = html.escape(os.fsencode(kept.name).decode(errors="backslashreplace"))
    lines = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
        REPORT_MARK,
        f'<meta name="earlier" content="{name}">',
        f"<title>Unfinished</title>\n<h1>Unfinished</h1>\n<p>{html.escape(message)}.</p>",
        f"<p>What was there before is in {name}.</p>",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _document(kept: Path, message: str, code: int) -> bytes:
    # Late: only a run that replaces evidence needs them.
    from tinysine.evidence import Document, ErrorRecord  # noqa: PLC0415
    from tinysine.record import to_json  # noqa: PLC0415

    error = ErrorRecord(_UNFINISHED, message, f"{_HINT}{kept.name}", code)
    document = to_json(Document(verdict="error", findings=(), error=error, stages_s={}))
    return (json.dumps(document, indent=2) + "\n").encode()
