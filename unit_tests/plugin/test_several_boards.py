"""`--tinysine-board a,b`: each test that needs a board runs once on each."""

from __future__ import annotations

import pytest


@pytest.mark.long
def test_each_test_runs_on_each_board(pytester: pytest.Pytester) -> None:
    """One board after the other, each flashed once; what needs no board runs once."""
    pytester.makepyfile("""
        boards = []

        def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))

        def test_board(tinysine_device, tinysine_board):
            assert tinysine_device.identity.board == tinysine_board.name
            boards.append(tinysine_board.name)

        def test_without():
            assert set(boards) <= {"host", "nano33ble-sense"}
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "-v", "--tinysine-board=host,nano")
    ended.assert_outcomes(passed=5)
    order = [line for line in ended.outlines if "PASSED" in line and "[" in line]
    assert ["host" in line for line in order].index(False) == 2, order
    ended.stdout.fnmatch_lines(
        ["tinysine: 2 tests on host (host)", "tinysine: 2 tests on nano33ble-sense (emulated)"]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tinysine-board=host,nano", "--tinysine-port=/dev/ttyX0"), "2 boards were named, and one port"),
        (("--tinysine-board=host,nanoo",), "no board*nanoo*"),
    ],
)
def test_boards_that_cannot_be_are_refused(
    pytester: pytest.Pytester, options: tuple[str, ...], says: str
) -> None:
    """Before any test."""
    ended = pytester.runpytest("-p", "no:cacheprovider", *options)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([f"*{says}*"])


@pytest.mark.parametrize("fixture", ["tinysine_device", "tinysine_board", "tinysine_image"])
def test_a_test_that_would_miss_a_board_is_no_pass(pytester: pytest.Pytester, fixture: str) -> None:
    """A fixture fetched during a test cannot make it run on each board: an error says how to mend it."""
    pytester.makepyfile(f"def test_late(request): request.getfixturevalue({fixture!r})")
    ended = pytester.runpytest("-p", "no:cacheprovider", "--tinysine-board=host,nano")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(["*2 boards were named (host, nano33ble-sense)*among the test's arguments*"])


def test_a_late_fetch_after_a_board_of_its_own_is_no_pass(pytester: pytest.Pytester) -> None:
    """Nor does it take the board that the test before it ran on."""
    pytester.makepyfile("""
        def test_named(tinysine_board): pass
        def test_late(request): request.getfixturevalue("tinysine_board")
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly", "--tinysine-board=host,nano")
    ended.assert_outcomes(passed=2, errors=1)


def test_a_fetch_by_a_test_that_names_its_board_is_on_each(pytester: pytest.Pytester) -> None:
    """The board is the one that the test was multiplied for."""
    pytester.makepyfile("""
        def test_it(request, tinysine_board):
            print("on", request.getfixturevalue("tinysine_board").name)
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "-s", "--tinysine-board=host,nano")
    ended.assert_outcomes(passed=2)
    ended.stdout.fnmatch_lines_random(["*on host*", "*on nano33ble-sense*"])
