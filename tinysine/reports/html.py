"""A report as one HTML file: no script, nothing loaded, and whatever a device says is text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tinysine.outside_text import html as shown_as_it_stands
from tinysine.report_file import REPORT_MARK
from tinysine.reports.view import Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """Return the HTML of a report."""
    return _environment().get_template("page.html").render(page=page)


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
