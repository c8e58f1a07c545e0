"""Facts that a session's report proves: the board, the number of its tests' requests, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

FACTS = {"board": "fake", "rig": "emulated", "model_sha256": "ab" * 32, "build_id": bytes(range(16)).hex()}


def properties(fake: pytest.Pytester) -> dict[str, str]:
    """Those of the whole session, by name without "tinysine."."""
    suite = ElementTree.parse(fake.path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    return {
        str(item.get("name")).removeprefix("tinysine."): str(item.get("value"))
        for item in suite.iterfind("properties/property")
    }


@pytest.mark.parametrize(
    ("test", "requests"),
    [
        ("def test_one(tinysine_station): assert True", 0),
        ("def test_one(echo): assert echo(1) == 1", 1),
        (
            "import pytest\n"
            "@pytest.fixture\ndef answers(echo): return [echo(n) for n in range(3)]\n"
            "def test_one(answers): assert answers == [0, 1, 2]\n"
            "def test_two(echo): echo(1)",
            4,
        ),
        (
            "import pytest\ndef test_one(echo): echo(1); pytest.skip('no time')",
            0,
        ),
    ],
    ids=["none", "one", "in a fixture", "skipped"],
)
def test_a_report_says_how_often_tests_asked_the_device(
    fake: pytest.Pytester, test: str, requests: int
) -> None:
    """Requests of the plugin itself between tests do not count."""
    fake.makepyfile(test)
    fake.runpytest("--junitxml=junit.xml", "-p", "no:randomly")
    assert properties(fake)["requests"] == str(requests)


@pytest.mark.long
def test_workers_prove_what_they_tested(fake: pytest.Pytester, with_worker: Callable[..., Any]) -> None:
    """Under xdist the fixtures have no report; the reports of the tests carry it, the verdict of a pass included."""
    fake.makepyfile("def test_one(echo): assert echo(1) == 1")
    with_worker("--junitxml=junit.xml").assert_outcomes(passed=1)
    found = properties(fake)
    assert {name: found[name] for name in FACTS} == FACTS
    assert (found["requests"], found["retries"], found["verdict"]) == ("1", "0", "pass")


def test_an_interrupted_session_is_no_pass(fake: pytest.Pytester) -> None:
    """Every test that it got to has passed; the rest is not known."""
    fake.makepyfile(
        """
        def test_one(echo): assert echo(1) == 1
        def test_two(tinysine_device): raise KeyboardInterrupt
        """
    )
    fake.inline_run("--junitxml=junit.xml", "-p", "no:randomly", no_reraise_ctrlc=True)
    assert properties(fake)["verdict"] == "interrupted"


def test_bad_input_is_neither_the_product_nor_the_bench(fake: pytest.Pytester) -> None:
    """As for `verify`, which exits with 2."""
    fake.makepyfile(
        """
        from tinysine.errors import ModelError
        def test_one(tinysine_device): raise ModelError("no int8 model")
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*tinysine: the input was bad; nothing was learned against the product"])
    assert properties(fake)["verdict"] == "bad input"


@pytest.mark.parametrize(
    ("text", "stays"), [('<property name="tinysine.verdict" />', False), ("<testsuite />", True)]
)
def test_a_session_that_is_refused_leaves_no_earlier_report(
    fake: pytest.Pytester, text: str, stays: bool
) -> None:
    """It would be taken for this session's; a report of something else is nobody's business."""
    report = fake.path / "junit.xml"
    report.write_text(text)
    fake.makepyfile("def test_one(tinysine_device): pass")
    assert (
        fake.runpytest("--junitxml=junit.xml", "--tinysine-board=nosuchboard").ret
        == pytest.ExitCode.USAGE_ERROR
    )
    assert report.exists() == stays
    kept = report if stays else report.with_name("junit.xml.earlier")
    assert kept.read_text() == text


def test_a_reference_is_recorded_without_an_image_of_ours(pytester: pytest.Pytester) -> None:
    """A conftest may say what the firmware is; then nothing was built or opened before."""
    pytester.makeconftest("""
        from types import SimpleNamespace
        import pytest
        from tinysine.quantization import Rounding

        @pytest.fixture(scope="session")
        def tinysine_firmware():
            return SimpleNamespace(rounding=Rounding.LITERT)
    """)
    pytester.makepyfile("def test_one(tinysine_reference): assert tinysine_reference.name")
    pytester.runpytest("--junitxml=junit.xml", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert properties(pytester)["reference"] == "litert"
