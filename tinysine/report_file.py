"""The file of a report: known by its mark, looked at before the work starts, and written whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tinysine.errors import ConfigError
from tinysine.regular_files import open_regular
from tinysine.whole_files import refuse_others, unwritable, write_whole

REPORT_MARK = (
    '<meta name="generator" content="tinysine">'  # near the beginning of every page that tinysine writes
)
_HEAD_BYTES = 600


def is_report(file: Path) -> bool:
    """Tell whether a file is a page that tinysine wrote; one that cannot be read is none."""
    try:
        with open_regular(file) as stream:
            return REPORT_MARK.encode() in stream.read(_HEAD_BYTES)
    except OSError:
        return False


def check_page_writable(path: Path) -> None:
    """Find out before the work starts that a report could not be kept; leaves a file that exists as it is.

    Raises:
        ConfigError: the path is a folder, holds something else than a report, or cannot be written.
    """
    try:
        refuse_others(path, what="a report", is_ours=is_report)
        if str(path) == "-" or (path.exists() and not path.is_file()):
            raise ConfigError(
                f"{path} is not a regular file, and a report is written to one",
                hint="name a file, such as report.html",
                file=str(path),
            )
        if path.exists():
            with path.open("ab"):
                pass
        with tempfile.TemporaryFile(dir=path.parent):  # a new file takes its place
            pass
    except OSError as error:
        raise unwritable(path, error) from error


def write_page(path: Path, content: str) -> None:
    """Write a report, whole or not at all.

    Raises:
        ConfigError, BenchError: it cannot be written.
    """
    write_whole(path, content.encode(errors="backslashreplace"))
