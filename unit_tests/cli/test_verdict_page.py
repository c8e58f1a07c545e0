"""docs/verdict.md shows what `tinysine verify` prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tinysine.commands.app import app

ROOT = Path(__file__).parents[2]
MODEL = "tinysine/model/reference/sine_int8.tflite"
# Versions and digests of what made the image, and the time that it took.
OTHER_EACH_TIME = ("with ", "proved ", "verified ")
PHONE = 52  # characters of a line of code that a phone shows


def lines(text: str) -> list[str]:
    """Return the lines that must be the same in each run."""
    return [line for line in text.splitlines() if not line.strip().startswith(OTHER_EACH_TIME)]


@pytest.mark.long
def test_the_page_shows_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, require: Callable[[str], str]
) -> None:
    """Every figure of the verdict and of its layers, as GCC's image has them."""
    require("arm-none-eabi-gcc")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(
        app, ["verify", MODEL, "--board", "nano33ble-sense", "--toolchain", "gcc", "--layers"]
    )
    assert done.exit_code == 0, done.output
    page = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")
    verdict, table = (page[page.index(start) :].partition("```")[0] for start in ("PASS  ", "layer     "))
    unbroken = re.sub(r"\n {6,}", " ", verdict)  # a line that the page breaks goes on below its beginning
    assert max(map(len, verdict.splitlines())) <= PHONE
    assert lines(done.stdout) == [*lines(unbroken), *lines(table)]
