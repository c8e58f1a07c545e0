"""A report as one HTML file: no script, nothing loaded, and whatever a device says is text."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tinysine.errors import ConfigError
from tinysine.outside_text import html as shown_as_it_stands
from tinysine.reports.view import Page
from tinysine.result_files import REPORT_MARK, is_report
from tinysine.whole_files import unwritable, write_whole

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """Return the HTML of a report."""
    return _environment().get_template("page.html").render(page=page)


def check_page_writable(path: Path) -> None:
    """Find out before the work starts that a report could not be kept; leaves a file that exists as it is.

    Raises:
        ConfigError: the path is a folder, holds something else than a report, or cannot be written.
    """
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder", hint="name a file in it", file=str(path))
        if path.is_file() and path.stat().st_size and not is_report(path):
            raise ConfigError(
                f"{path} holds something else than a report; it was left as it is",
                hint="name another file",
                file=str(path),
            )
        if str(path) == "-" or (path.exists() and not path.is_file()):
            raise ConfigError(
                f"{path} is not a regular file, and a report is written to one",
                hint="name a file, such as report.html",
                file=str(path),
            )
        path.parent.mkdir(parents=True, exist_ok=True)
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


@cache
def _environment() -> Environment:
    # Autoescape without exception; `finalize` sees every value that a template shows.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else shown_as_it_stands(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["mark"] = Markup(REPORT_MARK)
    return environment
