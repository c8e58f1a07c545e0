"""The tests that the pages show are run as they stand, and the fixtures that they list are those there are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tinysine import pytest_plugin
from tinysine.device import Device

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/fixtures.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> list[str]:
    """Every Python block of the pages."""
    return [block for page in PAGES for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]


@pytest.mark.long
def test_every_shown_test_passes(pytester: pytest.Pytester) -> None:
    """On the firmware for this computer, with the reference model."""
    assert len(shown()) == 6
    for number, text in enumerate(shown()):
        (pytester.path / f"test_shown_{number}.py").write_text(text, encoding="utf-8")
    result = pytester.runpytest_subprocess("--tinysine-board=host", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=6, skipped=1)


def test_every_fixture_is_on_the_page() -> None:
    """The page lists each fixture, and each call of a device, and no others."""
    page = (ROOT / "docs" / "fixtures.md").read_text(encoding="utf-8")
    there = {name for name in pytest_plugin.__all__ if name.startswith("tinysine_")}
    assert set(re.findall(r"^\| `(tinysine_\w+)`", page, re.MULTILINE)) == there
    for call in re.findall(r"^\| `(\w+)[(`]", page, re.MULTILINE):
        assert call in there or hasattr(Device, call) or call == "identity", call
    public = {name for name, _ in inspect.getmembers(Device, inspect.isfunction) if not name.startswith("_")}
    assert public - set(re.findall(r"`(\w+)\(", page)) == {"another", "close", "release", "require", "resync"}
