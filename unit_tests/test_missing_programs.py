"""The rule for tests that need a program: skipped and counted where it is missing, failed where it was promised."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.fixture(scope="session")
def compiler(require):
    return require("no-such-compiler")

def test_by_fixture(compiler):
    pass

def test_by_fixture_again(compiler):
    pass

@pytest.mark.needs("no-such-emulator")
def test_by_marker():
    pass

@pytest.mark.needs("python3")
def test_that_has_all_it_needs(require):
    assert require("python3")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite of four tests, three of which need a program that does not exist."""
    rule = CONFTEST.read_text(encoding="utf-8").replace('pytest_plugins = ["pytester"]', "")
    pytester.makeconftest(rule)
    pytester.makepyfile(TESTS)
    return pytester


def test_missing_programs_are_counted_one_line_each(suite: pytest.Pytester) -> None:
    """Each missing program has one closing line with the number of tests that needed it."""
    result = suite.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(
        [
            "2 tests skipped: they need no-such-compiler, which is not installed",
            "1 tests skipped: they need no-such-emulator, which is not installed",
        ]
    )


def test_a_promised_program_that_is_missing_fails_its_tests(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test does not skip for lack of a program that CI has promised."""
    monkeypatch.setenv("TINYSINE_PROMISED", "gcc no-such-compiler")
    result = suite.runpytest("-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["skipped"]) == (1, 1)
    assert outcomes.get("errors", 0) + outcomes.get("failed", 0) == 2
    result.stdout.fnmatch_lines(["*needs no-such-compiler, which TINYSINE_PROMISED promises*"])
