"""A device that a test fetches as it runs, or asks within subtests, is looked after as one that it names."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest


def session_of(fake: pytest.Pytester) -> dict[str, str]:
    """The session's own properties, by name without "tinysine."."""
    found = ElementTree.parse(fake.path / "junit.xml").iterfind("testsuite/properties/property")
    return {str(item.get("name")).removeprefix("tinysine."): str(item.get("value")) for item in found}


LATE = "def test_late(request):\n    device = request.getfixturevalue('tinysine_device')\n"


def test_late_device_is_proved_first(fake: pytest.Pytester) -> None:
    """The test before it left another build: it is flashed again before the first request is answered."""
    fake.makepyfile(
        """
        from conftest import another_build
        def test_before(request):
            request.getfixturevalue("tinysine_device").counters()
        def test_flashes():
            another_build()
        def test_late(request):
            device = request.getfixturevalue("tinysine_device")
            assert device.identity.build_id == bytes(range(16))
            assert request.getfixturevalue("echo")(3) == 3
        """
    )
    result = fake.runpytest("--junitxml=junit.xml", "-p", "no:randomly")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*2 passed, 1 flaky*"])
    result.stdout.fnmatch_lines(["*flaky: *test_late: reflash after IdentityMismatch*"])


def test_late_device_proves_the_session(fake: pytest.Pytester) -> None:
    """The report says the rig and how often the device was asked, also where no test names a fixture."""
    fake.makepyfile(LATE + "    device.counters(); device.counters()")
    fake.runpytest("--junitxml=junit.xml").assert_outcomes(passed=1)
    found = session_of(fake)
    assert (found["rig"], found["requests"], found["verdict"]) == ("emulated", "2", "pass")


@pytest.mark.parametrize(
    ("body", "outcome", "verdict"),
    [
        ("device.counters(); board = device; another_build()", {"errors": 1}, "bench failure"),
        ("RIG.device.record_fault(1); device.counters()", {"failed": 1}, "product failure"),
        ("RIG.kill(); device.counters()", {"errors": 1}, "bench failure"),
        ("assert device.counters() is None", {"failed": 1}, "product failure"),
    ],
    ids=["another build", "fault", "silent", "assertion"],
)
def test_late_trouble_is_charged_to_its_test(
    fake: pytest.Pytester, body: str, outcome: dict[str, int], verdict: str
) -> None:
    """The board is examined after the test, and errors are sorted by their cause."""
    fake.makepyfile(f"from conftest import another_build, RIG\n{LATE}    {body}")
    fake.runpytest("--junitxml=junit.xml").assert_outcomes(**outcome)
    assert session_of(fake)["verdict"] == verdict


def test_late_device_heeds_the_markers(fake: pytest.Pytester) -> None:
    """A test for real hardware that meets a twin is skipped as soon as it asks."""
    fake.makepyfile(f"import pytest\n@pytest.mark.hardware\n{LATE}    device.counters()")
    fake.runpytest().assert_outcomes(skipped=1)


def test_pure_tests_are_left_alone(fake: pytest.Pytester) -> None:
    """A dead board is no error of a test that has nothing to do with it."""
    fake.makepyfile(
        f"from conftest import RIG\n{LATE}    device.counters(); RIG.kill()\ndef test_pure(): pass\n"
    )
    fake.runpytest("-p", "no:randomly").assert_outcomes(errors=1, passed=1)


@pytest.mark.parametrize(("body", "requests"), [("pass", 0), ("tinysine_device.counters()", 3)])
def test_subtests_are_counted_once(fake: pytest.Pytester, body: str, requests: int) -> None:
    """Requests of the plugin between subtests do not count as the tests' own."""
    fake.makepyfile(
        f"""
        def test_one(subtests, tinysine_device):
            for n in range(3):
                with subtests.test(n=n):
                    {body}
        """
    )
    fake.runpytest("--junitxml=junit.xml")
    assert session_of(fake)["requests"] == str(requests)


def test_patched_device_is_restored(fake: pytest.Pytester) -> None:
    """Methods put in place of the device's, and names that it does not have, go with the test that put them there."""
    fake.makepyfile(
        """
        from conftest import another_build
        def test_patches(tinysine_device, monkeypatch):
            monkeypatch.setattr(tinysine_device, "counters", lambda: "patched")
            monkeypatch.setattr(tinysine_device, "identify", lambda: None)
            monkeypatch.setattr(tinysine_device, "new", 1, raising=False)
            monkeypatch.setattr(tinysine_device, "timeout_s", 0.5)
            assert tinysine_device.counters() == "patched"
            assert (tinysine_device.new, tinysine_device.timeout_s) == (1, 0.5)

        def test_afterwards(tinysine_device):
            assert tinysine_device.counters() != "patched"
            assert not hasattr(tinysine_device, "new")
            assert tinysine_device.timeout_s > 0.5
        """
    )
    fake.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_patched_identity_hides_no_other_build(fake: pytest.Pytester) -> None:
    """Looking after the board does not go by what a test has put in place of the device's methods."""
    fake.makepyfile(
        """
        from conftest import another_build
        def test_patches(tinysine_device, monkeypatch):
            monkeypatch.setattr(tinysine_device, "identify", lambda: None)
            another_build()
        def test_afterwards(echo, tinysine_device):
            assert tinysine_device.identify().build_id == bytes(range(16))
            assert echo(2) == 2
        """
    )
    fake.runpytest("-p", "no:randomly").assert_outcomes(errors=1, passed=1)


TEARDOWN = """
import pytest
from conftest import another_build, RIG

@pytest.fixture
def ends_badly(tinysine_device):
    yield
    tinysine_device.counters()
    {what}
"""


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ("RIG.device.record_fault(1)", "product failure"),
        ("another_build()", "bench failure"),
        ("RIG.kill()", "bench failure"),
    ],
    ids=["fault", "build", "silent"],
)
@pytest.mark.parametrize("marker", ["", "@pytest.mark.disturbs\n"])
def test_trouble_after_the_last_test_is_no_pass(
    fake: pytest.Pytester, what: str, verdict: str, marker: str
) -> None:
    """The board is looked at once more at the end, unless the last test disturbs it on purpose."""
    fake.makepyfile(f"{TEARDOWN.format(what=what)}\n{marker}def test_last(ends_badly): pass\n")
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(passed=1, errors=0 if marker else 1)
    assert session_of(fake)["verdict"] == ("pass" if marker else verdict)
