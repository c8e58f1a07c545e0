"""Pages as a browser shows them, held against what is asked of every page; screenshots are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Widths with a colour scheme each: a desktop, a phone.
LOOKS = ((1280, "dark"), (390, "light"))
# Whatever reaches beyond the window at the right, or is drawn without a size.
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
  const b = e.getBoundingClientRect(); return b.width && b.right > innerWidth + 1;
}).map(e => e.outerHTML.slice(0, 120))"""
UNDRAWN = """() => [...document.querySelectorAll('svg[role=img]')].filter(e => {
  const b = e.getBoundingClientRect(); return b.width < 40 || b.height < 8;
}).map(e => e.outerHTML.slice(0, 120))"""
OPEN = "() => document.querySelectorAll('details').forEach(one => { one.open = true })"


@contextlib.contextmanager
def started_tab(chromium: str) -> Iterator[Any]:
    """Start a browser with one tab, and end it: each costs a second of processor time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu"])
        yield started.new_page()
        started.close()


def screenshots(config: pytest.Config, temporary: pytest.TempPathFactory) -> Path:
    """Return the folder for screenshots: beside the JUnit report, where there is one."""
    junit = config.getoption("xmlpath", None)
    folder = Path(junit).parent / "screenshots" if junit else temporary.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def look_at(tab: Any, file: Path, name: str, *, folder: Path) -> list[str]:
    """Show a page in each of LOOKS: nothing on the console, nothing loaded, nothing beyond the edge of the window.

    Args:
        tab: of a browser.
        file: the page.
        name: of the screenshots.
        folder: for them.
    Returns:
        The texts that are to be seen.
    """
    said: list[str] = []
    listeners = {
        "console": lambda message: said.append(f"console: {message.text}"),
        "pageerror": lambda error: said.append(f"error: {error}"),
        "request": lambda request: said.append(f"request: {request.url}"),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    try:
        tab.goto(file.as_uri())
        tab.evaluate(OPEN)
        texts = [_look(tab, folder, name, width=width, scheme=scheme) for width, scheme in LOOKS]
    finally:
        for event, listener in listeners.items():
            tab.remove_listener(event, listener)
    own = f"request: {file.as_uri()}"
    assert [line for line in said if line not in (own, "request: data:,")] == []
    return texts


def _look(tab: Any, folder: Path, name: str, *, width: int, scheme: str) -> str:
    """Look at the page that is open; returns its text."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    tab.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate(UNDRAWN) == []
    assert tab.evaluate("document.querySelector('.word').getBoundingClientRect().top") < 100
    return str(tab.inner_text("body"))
