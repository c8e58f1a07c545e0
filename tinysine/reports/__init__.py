"""Reports: what runs and nights found, for people; one set of values, shown as HTML and as Markdown."""

from tinysine.reports.html import render
from tinysine.reports.index import write_index
from tinysine.reports.markdown import markdown
from tinysine.reports.night_page import night_page
from tinysine.reports.past import NO_PAST, Past, limits_of, past_of
from tinysine.reports.run_page import run_page

__all__ = [
    "NO_PAST",
    "Past",
    "limits_of",
    "markdown",
    "night_page",
    "past_of",
    "render",
    "run_page",
    "write_index",
]
