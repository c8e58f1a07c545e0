"""A crash of the firmware fails the test that caused it, whatever that test does besides, and no other."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

HEADER = """
import itertools
import pytest
from conftest import RIG

faults = itertools.count(1)

def crash():
    RIG.device.record_fault(next(faults))

def stop_the_core():
    RIG.said, RIG.mended_by = "read outside the memory map", "flash"
    RIG.kill()

@pytest.fixture
def ends_badly(tinysine_device):
    yield
    {crash}

@pytest.fixture
def starts_badly(tinysine_device):
    {crash}
    pytest.skip("not today")

def test_first(tinysine_device): pass
"""
NEXT = """
def test_next(echo): assert echo(3) == 3
"""
CULPRITS = {
    "skips itself": "def test_culprit(tinysine_device):\n    {crash}\n    pytest.skip('not today')",
    "fails as expected": "@pytest.mark.xfail\ndef test_culprit(tinysine_device):\n    {crash}\n    assert False",
    "passes against expectation": "@pytest.mark.xfail\ndef test_culprit(tinysine_device):\n    {crash}",
    "in the teardown": "def test_culprit(ends_badly): pass",
    "in a setup that skips": "def test_culprit(starts_badly): pass",
    "skips itself, fetched late": (
        "def test_culprit(request):\n    request.getfixturevalue('tinysine_device').counters()\n"
        "    {crash}\n    pytest.skip('not today')"
    ),
}


def run(fake: pytest.Pytester, *parts: str, crash: str = "crash()") -> dict[str, list[str]]:
    """Run tests one after the other; the names of those that failed, or had an error, and the session's verdict."""
    fake.makepyfile((HEADER + "\n".join(parts)).replace("{crash}", crash))
    fake.runpytest("--junitxml=junit.xml", "-p", "no:randomly")
    tree = ElementTree.parse(fake.path / "junit.xml")
    found: dict[str, list[str]] = {"failure": [], "error": [], "verdict": []}
    for case in tree.iter("testcase"):
        for kind in ("failure", "error"):
            found[kind] += [str(case.get("name")) for _ in case.iterfind(kind)]
    for item in tree.iterfind("testsuite/properties/property"):
        if item.get("name") == "tinysine.verdict":
            found["verdict"].append(str(item.get("value")))
    return found


def flashing_mends(fake: pytest.Pytester) -> None:
    """Have the emulator's word about the firmware wiped out by the next image, as twins have it."""
    fake.makeconftest(
        (fake.path / "conftest.py").read_text(encoding="utf-8")
        + "\nflash = RIG._flash\n"
        + "RIG._flash = lambda *args: (setattr(RIG, 'said', ''), flash(*args))[1]\n"
    )


def numbered(before: str, between: str) -> list[str]:
    """Every culprit and an innocent test behind each, in one file."""
    return [
        text.replace("def test_culprit", f"def test_culprit_{number}").replace(
            "def test_next", f"def test_next_{number}"
        )
        for number, culprit in enumerate(CULPRITS.values())
        for text in (f"{before}\n{culprit}", f"{between}{NEXT}")
    ]


@pytest.mark.parametrize("marker", ["", "@pytest.mark.disturbs"], ids=["plain", "disturbs"])
def test_a_fault_fails_its_own_test(fake: pytest.Pytester, marker: str) -> None:
    """The next test neither pays for it, nor hides it because it disturbs the board itself."""
    found = run(fake, *numbered("", marker))
    assert sorted(found["failure"] + found["error"]) == [
        f"test_culprit_{number}" for number in range(len(CULPRITS))
    ]
    assert found["verdict"] == ["product failure"]


@pytest.mark.parametrize("culprit", [CULPRITS["skips itself"], CULPRITS["in the teardown"]])
def test_a_core_that_was_stopped_fails_its_own_test(fake: pytest.Pytester, culprit: str) -> None:
    """Flashing mends it and wipes out what the emulator said, which is kept for the test that brought it about."""
    flashing_mends(fake)
    found = run(fake, culprit, "@pytest.mark.disturbs" + NEXT, crash="stop_the_core()")
    assert found["failure"] + found["error"] == ["test_culprit"]
    assert found["verdict"] == ["product failure"]


@pytest.mark.parametrize("crash", ["crash()", "stop_the_core()"])
def test_a_fault_through_the_rig_alone_fails_its_own_test(fake: pytest.Pytester, crash: str) -> None:
    """A test that only has the rig answers for what it did to the board, and is forgiven where it disturbs."""
    flashing_mends(fake)
    culprit = "def test_culprit(tinysine_rig):\n    {crash}"
    forgiven = "@pytest.mark.disturbs\ndef test_forgiven(tinysine_rig):\n    {crash}"
    harmless = "def test_harmless(tinysine_rig): tinysine_rig.reset()"
    found = run(fake, harmless, culprit, NEXT, forgiven, NEXT.replace("next", "last"), crash=crash)
    assert (found["failure"], found["error"]) == ([], ["test_culprit"])
    assert found["verdict"] == ["product failure"]


def test_a_fault_before_any_board_was_needed_fails_its_own_test(fake: pytest.Pytester) -> None:
    """Flashing wipes out what the emulator said: it is read before, and told once."""
    flashing_mends(fake)
    before = "def test_culprit(tinysine_rig):\n    {crash}\n\ndef test_innocent(tinysine_rig): pass\n"
    fake.makepyfile(
        test_a=HEADER[: HEADER.index("def test_first")].replace("{crash}", "pass")
        + before.replace("{crash}", "RIG.said = 'read outside the memory map'"),
        test_b=NEXT,
    )
    result = fake.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*teardown of test_culprit*", "*the firmware faulted while it ran*"])


@pytest.mark.parametrize("marker", ["", "@pytest.mark.disturbs"], ids=["plain", "disturbs"])
def test_a_fault_between_tests_is_not_lost(fake: pytest.Pytester, marker: str) -> None:
    """If no test can be failed for it, the next one is an error that says so, and the product is at fault."""
    found = run(fake, "def test_without():\n    {crash}", marker + NEXT)
    assert (found["failure"], found["error"]) == ([], ["test_next"])
    assert found["verdict"] == ["product failure"]


def test_a_fault_on_purpose_fails_nobody(fake: pytest.Pytester) -> None:
    """Neither the test that is marked so, nor the next one."""
    found = run(fake, *numbered("@pytest.mark.disturbs", ""))
    assert (found["failure"], found["error"], found["verdict"]) == ([], [], ["pass"])


@pytest.mark.parametrize("culprit", [CULPRITS["in the teardown"], CULPRITS["skips itself"]])
def test_a_board_that_is_lost_is_no_pass(fake: pytest.Pytester, culprit: str) -> None:
    """Also where no other test follows that needs it."""
    found = run(fake, culprit, "def test_without(): pass", crash="RIG.kill()")
    assert (found["failure"], found["error"]) == ([], ["test_culprit"])
    assert found["verdict"] == ["bench failure"]


def test_a_fault_before_the_layers_is_not_lost(fake: pytest.Pytester) -> None:
    """A board that is lent to other firmware comes back with its record wiped out."""
    found = run(
        fake,
        """
def test_culprit(tinysine_device, tinysine_station):
    {crash}
    with tinysine_station.lent():
        RIG.device.record_fault(7)
""",
        NEXT,
    )
    assert (found["failure"], found["error"], found["verdict"]) == (["test_culprit"], [], ["product failure"])
