"""`python -m trust`: one campaign is named, its options are its own, and no other is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trust import __main__ as runner
from trust.page import PAGE

ROOT = Path(__file__).parents[2]


def test_every_campaign_has_its_section_of_the_page() -> None:
    """Each module of the folder is on the page, with a table that some run wrote."""
    page = PAGE.read_text(encoding="utf-8")
    assert runner.campaigns() == [
        *("conformance", "damaged_graphs", "lies", "link_faults", "mutants", "whole_firmware")
    ]
    for name in runner.campaigns():
        section = page.split(f"<!-- begin {name} -->\n")[1].split(f"<!-- end {name} -->")[0]
        assert "|---|" in section, f"{name} has no table"


def test_help_names_the_campaigns(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each."""
    with pytest.raises(SystemExit):
        runner.main(["--help"])
    said = capsys.readouterr().out
    assert "lies            Firmware that lies" in said
    with pytest.raises(SystemExit):
        runner.main(["--write", "lie"])
    assert "invalid choice: 'lie'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["mutants", "--only", "no-such-file.c"],
        ["damaged_graphs", "--files", "0"],
        ["conformance", "--networks", "0", "--graphs", "0", "--hosted", "-1"],
        ["lies", "--only", "no such lie"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_nothing_tried_is_no_pass(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is typed wrong is bad input, and the table on the page stays."""
    monkeypatch.setattr(runner, "write_section", lambda *_: pytest.fail("the page was written"))
    with pytest.raises(SystemExit) as ended:
        runner.main(["--write", *arguments])
    assert ended.value.code == 2
    assert f"nothing was tried with {' '.join(arguments[1:])}" in capsys.readouterr().err


def test_a_campaign_is_imported_alone() -> None:
    """Modules that only other campaigns need are not loaded: their packages may be missing."""
    code = (
        "import sys; sys.argv[1:] = ['conformance', '--help']\n"
        "import atexit; atexit.register(lambda: print([name for name in sys.modules if name.startswith('trust.')]))\n"
        "import runpy; runpy.run_module('trust', run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "--networks" in ran.stdout
    assert "trust.conformance.campaign" in ran.stdout
    assert not {"'trust.lies'", "'trust.mutants'", "'trust.link_faults'"} & set(
        ran.stdout.replace("[", "").replace("]", "").replace(",", "").split()
    )
