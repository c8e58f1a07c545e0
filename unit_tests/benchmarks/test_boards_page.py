"""The table of docs/boards.md: it can be rewritten, and it is there for the boards that CI runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tinysine.boards import load_board
from trust.page import with_section

SOURCE = Path(__file__).parents[2] / "benchmarks" / "_boards_page.py"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The page's writer, loaded from its file: the folder is no part of the installed package."""
    spec = importlib.util.spec_from_file_location("boards_page", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_the_table_is_rewritten(writer: ModuleType) -> None:
    """Text around the table stays; a second run changes nothing."""
    page = writer.PAGE.read_text(encoding="utf-8")
    rows = ["| `a` |" + " 1 |" * (len(writer.HEAD) - 1)]
    once = with_section(page, "boards", writer.table(rows))
    assert rows[0] in once
    assert with_section(once, "boards", writer.table(rows)) == once
    old, new = (text.split("<!-- begin boards -->\n")[1].split("<!-- end")[0] for text in (page, once))
    assert once.replace(new, old) == page


def test_a_page_without_its_section_is_refused() -> None:
    """A marker that is missing ends in an error, and not in a page without its table."""
    for text in ("no section", "<!-- begin boards -->\nno end"):
        with pytest.raises(ValueError, match="no section between <!-- begin boards -->"):
            with_section(text, "boards", "table")


def test_the_page_has_figures_for_what_ci_runs(writer: ModuleType) -> None:
    """Flash and instructions of each board in CI are on the page, within what the board has."""
    rows = {
        cells[1].strip(" `"): [cell.strip() for cell in cells[2:-1]]
        for line in writer.PAGE.read_text(encoding="utf-8").splitlines()
        if len(cells := line.split("|")) == len(writer.HEAD) + 2
    }
    for name in ("nano33ble-sense", "qemu:microbit", "qemu:lm3s6965evb", "qemu:mps2-an386"):
        board = load_board(name)
        core, _, flash, *_, latency = rows[name]
        assert core == board.core
        assert board.flash is not None
        assert 1000 < int(flash.replace(",", "")) < board.flash.length
        assert latency.endswith(" instructions")
