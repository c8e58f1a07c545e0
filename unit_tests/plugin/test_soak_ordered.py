"""A soak that was ordered and that no test runs is said at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

NOTHING = (
    "tinysine: soak 1000 (from --tinysine-soak): nothing was soaked, for no test that ran uses tinysine_soak"
)
PLAIN = "def test_one(tinysine_device): pass\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (PLAIN, True),
        (PLAIN + "def test_two(tinysine_soak): assert tinysine_soak == 1000", False),
        (PLAIN + "def test_two(request): assert request.getfixturevalue('tinysine_soak') == 1000", False),
        (PLAIN + "import pytest\ndef test_two(tinysine_soak): pytest.skip('not today')", True),
        ("def test_one(): pass", False),
    ],
    ids=["unused", "named", "fetched", "skipped", "no board"],
)
def test_an_order_that_nobody_carries_out_is_said(fake: pytest.Pytester, body: str, said: bool) -> None:
    """Unless the session has nothing to do with boards: the plugin is in everybody's pytest."""
    fake.makepyfile(body)
    ended = fake.runpytest("--tinysine-soak=1000")
    assert (NOTHING in ended.outlines) is said


def test_no_order_is_nothing_to_say(fake: pytest.Pytester) -> None:
    """A session without a soak ends as it did."""
    fake.makepyfile(PLAIN)
    fake.runpytest().stdout.no_fnmatch_line("*soak*")


@pytest.mark.long
@pytest.mark.parametrize(("body", "said"), [(PLAIN, True), ("def test_one(tinysine_soak): pass", False)])
def test_workers_say_it_too(
    fake: pytest.Pytester, with_worker: Callable[..., pytest.RunResult], body: str, said: bool
) -> None:
    """Under xdist it is another process that knows what the tests used."""
    fake.makepyfile(body)
    assert (NOTHING in with_worker("--tinysine-soak=1000").outlines) is said
